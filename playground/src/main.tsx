import { createRoot } from 'react-dom/client'
import { App } from './App.tsx'
import { syncUntilKilled, victim } from './device/crash.ts'
import './ui/style.css'

const doomed = victim()
if (doomed) void syncUntilKilled(doomed)
else createRoot(document.getElementById('app')!).render(<App />)
