import { type DBSchema, openDB } from 'idb'

/** A file on the device. */
export interface StoredFile {
  /** Path in the bucket. */
  path: string
  bytes: Uint8Array<ArrayBuffer>
  /** MIME type; empty where it is not known. */
  type: string
  /** True where the file is in Storage. */
  uploaded: boolean
  /** The URL at which an interrupted upload continues. */
  resume?: string
  /** Why Storage refuses the file, and the `seq` of the edit for which it was uploaded. */
  refused?: { seq: number; code: 'forbidden' | 'too_large' | 'invalid_value'; message: string }
}

/** Stores files on the device, before their upload and afterwards for reading offline. */
export interface FileStore {
  get(path: string): Promise<StoredFile | undefined>
  /** Adds, or replaces by path. */
  put(file: StoredFile): Promise<void>
  delete(path: string): Promise<void>
  /** Paths of the files that are not in Storage. */
  waiting(): Promise<string[]>
}

/** Stores files in memory. */
export function memoryFiles(): FileStore {
  const files = new Map<string, StoredFile>()
  return {
    get: async (path) => files.get(path),
    put: async (file) => void files.set(file.path, file),
    delete: async (path) => void files.delete(path),
    waiting: async () => [...files.values()].filter((file) => !file.uploaded).map(pathOf),
  }
}

interface FilesSchema extends DBSchema {
  files: { key: string; value: StoredFile }
  /** The paths of files to upload, so that `waiting` reads no contents. */
  waiting: { key: string; value: { path: string } }
}

const pathOf = ({ path }: { path: string }): string => path

/** Stores files in an IndexedDB database of their own. */
export function indexedDbFiles(name: string): FileStore {
  let opening: ReturnType<typeof open> | undefined
  const open = () =>
    openDB<FilesSchema>(name, 1, {
      upgrade(db) {
        db.createObjectStore('files', { keyPath: 'path' })
        db.createObjectStore('waiting', { keyPath: 'path' })
      },
      terminated: () => void (opening = undefined),
    })
  const database = () => (opening ??= open())

  return {
    async get(path) {
      return (await database()).get('files', path)
    },
    async put(file) {
      const tx = (await database()).transaction(['files', 'waiting'], 'readwrite')
      const waiting = tx.objectStore('waiting')
      await Promise.all([
        tx.objectStore('files').put(file),
        file.uploaded ? waiting.delete(file.path) : waiting.put({ path: file.path }),
        tx.done,
      ])
    },
    async delete(path) {
      const tx = (await database()).transaction(['files', 'waiting'], 'readwrite')
      await Promise.all([
        tx.objectStore('files').delete(path),
        tx.objectStore('waiting').delete(path),
        tx.done,
      ])
    },
    async waiting() {
      return (await database()).getAllKeys('waiting')
    },
  }
}
