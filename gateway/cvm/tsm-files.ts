/**
 * The file calls of configfs: a value is one write, a binary one takes effect when its file is closed, and what can be
 * written can seldom be read, so files are opened for exactly what is done with them. attestation.md c.
 */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rmdir } from 'node:fs/promises'
import { type Bytes, concat } from '../../shared/bytes.ts'
import { Refusal } from '../../shared/refusal.ts'

/** Errors are those of node:fs, with their `code`. */
export type TsmFiles = {
  mkdir(path: string): Promise<void>
  rmdir(path: string): Promise<void>
  /**
   * Writes, and closes. Gives how many octets were taken. What a write(2) leaves, the runtime writes in a second one:
   * to configfs that is one value still.
   */
  write(path: string, bytes: Uint8Array): Promise<number>
  /** To the end. Refuses `body-too-large` what is longer than `limit` octets. */
  read(path: string, limit: number): Promise<Bytes>
}

export const tsmFiles: TsmFiles = {
  mkdir: (path) => mkdir(path, { mode: 0o700 }),
  rmdir: (path) => rmdir(path),
  write: (path, bytes) =>
    opened(path, constants.O_WRONLY, async (file) => (await file.write(bytes, 0, bytes.length, null)).bytesWritten),
  read: (path, limit) => opened(path, constants.O_RDONLY, (file) => toTheEnd(file, limit)),
}

async function opened<T>(path: string, flags: number, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags | constants.O_NOFOLLOW)
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}

// The size that a file of configfs shows is not that of its content.
async function toTheEnd(file: FileHandle, limit: number): Promise<Bytes> {
  const pieces: Uint8Array[] = []
  for (let length = 0; ;) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(4096), 0, 4096, null)
    if (bytesRead === 0) return concat(...pieces)
    length += bytesRead
    if (length > limit) throw new Refusal('body-too-large', `more than ${limit} bytes`, { limit })
    pieces.push(buffer.subarray(0, bytesRead))
  }
}
