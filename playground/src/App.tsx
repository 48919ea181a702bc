import { useEffect, useState } from 'react'
import { Connect } from './Connect.tsx'
import { findProject, forget, type Project } from './project.ts'
import { Table } from './Table.tsx'

/** Finds the project first; everything else needs it. */
export function App() {
  const [project, setProject] = useState<Project | null>()
  useEffect(() => {
    void findProject().then((found) => setProject(found ?? null))
  }, [])
  return (
    <>
      <header className="page">
        <h1>Tidemark playground</h1>
        <p>
          Each column is a device with a database of its own. Take one offline, edit the same things
          on both, and watch what comes of it.
        </p>
        {project && !project.local && (
          <p className="row quiet">
            <span>{project.url}</span>
            <button
              type="button"
              onClick={() => {
                forget()
                location.replace(location.pathname)
              }}
            >
              Another project
            </button>
          </p>
        )}
      </header>
      <main>
        {project === undefined && <p className="quiet">looking for the project …</p>}
        {project === null && <Connect onConnect={setProject} />}
        {project && <Table project={project} onConnect={setProject} />}
      </main>
    </>
  )
}
