/**
 * Shows a Kernel as a file system, by the FUSE protocol over /dev/fuse (linux/fuse.h, 7.31): so what is tested makes
 * real system calls, and gets from them what configfs would give. Values are made at the open file, in its order.
 */
import { spawnSync } from 'node:child_process'
import { openSync, read, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { Errno, type Handle, type Kernel } from './kernel.ts'

const opcodes = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  mkdir: 9,
  rmdir: 11,
  open: 14,
  read: 15,
  write: 16,
  release: 18,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  interrupt: 36,
  batchForget: 42,
} as const

type Question = { readonly opcode: number; readonly node: number; readonly body: Buffer }
type Node = { readonly entry: string; readonly file: string | undefined }

const header = 40
const root = 1
const directIo = 1

/** Mounts at `folder` in the mount namespace of this process, and serves until the process ends. */
export function serve(kernel: Kernel, folder: string): void {
  const device = openSync('/dev/fuse', 'r+')
  const options = `fd=3,rootmode=40000,user_id=${String(process.getuid?.())},group_id=${String(process.getgid?.())}`
  const mount = ['-i', '-n', '-t', 'fuse', '-o', options, 'asunder', folder]
  const { status, stderr } = spawnSync('mount', mount, { stdio: ['ignore', 'ignore', 'pipe', device] })
  if (status !== 0) throw new Error(`no FUSE: ${stderr.toString()}`)
  const tree = new Tree(kernel)
  const buffer = Buffer.alloc(1 << 18)
  const next = (): void =>
    read(device, buffer, 0, buffer.length, null, (error, length) => {
      if (error !== null) process.exit(0)
      const answer = answerTo(tree, buffer.subarray(0, length))
      if (answer !== undefined) writeSync(device, answer)
      next()
    })
  next()
}

function answerTo(tree: Tree, message: Buffer): Buffer | undefined {
  const opcode = message.readUInt32LE(4)
  const unique = message.readBigUInt64LE(8)
  if ([opcodes.forget, opcodes.batchForget, opcodes.interrupt].some((silent) => silent === opcode)) return undefined
  const node = Number(message.readBigUInt64LE(16))
  try {
    return framed(unique, 0, tree.answer({ opcode, node, body: message.subarray(header) }))
  } catch (cause) {
    const code = cause instanceof Errno ? cause.code : 'EIO'
    return framed(unique, -constants.errno[code as keyof typeof constants.errno], Buffer.alloc(0))
  }
}

function framed(unique: bigint, error: number, body: Buffer): Buffer {
  const head = Buffer.alloc(16)
  head.writeUInt32LE(16 + body.length, 0)
  head.writeInt32LE(error, 4)
  head.writeBigUInt64LE(unique, 8)
  return Buffer.concat([head, body])
}

class Tree {
  readonly #kernel: Kernel
  readonly #nodes = new Map<number, Node>()
  readonly #handles = new Map<number, { handle: Handle; content?: Buffer }>()
  #next = root

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  answer({ opcode, node, body }: Question): Buffer {
    switch (opcode) {
      case opcodes.init:
        return initiated()
      case opcodes.lookup:
        return this.#entryOf(this.#find(node, nameIn(body)))
      case opcodes.mkdir:
        return this.#made(node, nameIn(body.subarray(8)))
      case opcodes.rmdir:
        this.#kernel.rmdir(nameIn(body))
        return Buffer.alloc(0)
      case opcodes.getattr:
      case opcodes.setattr:
        return Buffer.concat([Buffer.alloc(16), attributes(node, this.#isFolder(node))])
      case opcodes.open:
        return this.#opened(node, body.readUInt32LE(0))
      case opcodes.read:
        return this.#read(body)
      case opcodes.write:
        return this.#written(body)
      case opcodes.flush:
        this.#handle(body).handle.close()
        return Buffer.alloc(0)
      case opcodes.release:
        this.#handles.delete(Number(body.readBigUInt64LE(0)))
        return Buffer.alloc(0)
      case opcodes.opendir:
        return Buffer.alloc(16)
      case opcodes.readdir:
      case opcodes.releasedir:
        return Buffer.alloc(0)
      default:
        throw new Errno('ENOSYS')
    }
  }

  #isFolder(node: number): boolean {
    return node === root || this.#nodes.get(node)?.file === undefined
  }

  #find(parent: number, name: string): Node {
    if (parent === root) {
      if (!this.#kernel.has(name)) throw new Errno('ENOENT')
      return { entry: name, file: undefined }
    }
    const entry = this.#nodes.get(parent)?.entry
    if (entry === undefined || !this.#kernel.files().includes(name)) throw new Errno('ENOENT')
    return { entry, file: name }
  }

  #made(parent: number, name: string): Buffer {
    if (parent !== root) throw new Errno('EPERM')
    this.#kernel.mkdir(name)
    return this.#entryOf({ entry: name, file: undefined })
  }

  /** A number of its own each time, never to be remembered: entries come and go. */
  #entryOf(node: Node): Buffer {
    this.#next += 1
    this.#nodes.set(this.#next, node)
    const out = Buffer.alloc(40)
    out.writeBigUInt64LE(BigInt(this.#next), 0)
    return Buffer.concat([out, attributes(this.#next, node.file === undefined)])
  }

  #opened(node: number, flags: number): Buffer {
    const { entry, file } = this.#nodes.get(node) ?? { entry: '', file: undefined }
    const how = (['read', 'write', 'both'] as const)[flags & 3]
    if (file === undefined || how === undefined) throw new Errno('EINVAL')
    this.#next += 1
    this.#handles.set(this.#next, { handle: this.#kernel.open(entry, file, how) })
    const out = Buffer.alloc(16)
    out.writeBigUInt64LE(BigInt(this.#next), 0)
    out.writeUInt32LE(directIo, 8)
    return out
  }

  #handle(body: Buffer) {
    const found = this.#handles.get(Number(body.readBigUInt64LE(0)))
    if (found === undefined) throw new Errno('EBADF')
    return found
  }

  #read(body: Buffer): Buffer {
    const open = this.#handle(body)
    const [offset, size] = [Number(body.readBigUInt64LE(8)), body.readUInt32LE(16)]
    open.content ??= Buffer.from(open.handle.read())
    return open.content.subarray(offset, offset + size)
  }

  #written(body: Buffer): Buffer {
    const size = body.readUInt32LE(16)
    const taken = this.#handle(body).handle.write(body.subarray(40, 40 + size))
    const out = Buffer.alloc(8)
    out.writeUInt32LE(taken, 0)
    return out
  }
}

/** fuse_init_out: 7.31, nothing optional, writes of up to 64 KiB. */
function initiated(): Buffer {
  const out = Buffer.alloc(64)
  out.writeUInt32LE(7, 0)
  out.writeUInt32LE(31, 4)
  out.writeUInt32LE(1 << 16, 8)
  out.writeUInt32LE(1 << 16, 20)
  return out
}

/** fuse_attr. Root's, whatever the mode says: who may open a file how is decided when it is opened. */
function attributes(node: number, folder: boolean): Buffer {
  const out = Buffer.alloc(88)
  out.writeBigUInt64LE(BigInt(node), 0)
  out.writeUInt32LE(folder ? 0o40755 : 0o100600, 60)
  out.writeUInt32LE(folder ? 2 : 1, 64)
  out.writeUInt32LE(process.getuid?.() ?? 0, 68)
  out.writeUInt32LE(process.getgid?.() ?? 0, 72)
  return out
}

/** Ended by a zero; what a write carries before it is not a name. */
function nameIn(body: Buffer): string {
  return body.subarray(0, body.indexOf(0)).toString('utf8')
}
