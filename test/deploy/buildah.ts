/**
 * Real image builds without an engine: Debian's buildah, as root, in a store of the test's own. The base is a stand-in for
 * the official one, made of the Node, npm and the few programs that are on this machine, so that nothing is pulled.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../house/walk.ts'

const run = promisify(execFile)

export const missing =
  process.getuid?.() !== 0
    ? 'needs root'
    : ['/usr/bin/buildah', '/usr/bin/unshare', '/usr/sbin/chroot'].find((file) => !existsSync(file))

export type Images = {
  /** Builds a recipe of ours; gives the image's name. */
  build(recipe: string, name: string): Promise<string>
  /** What the image says of itself. */
  inspect(image: string): Promise<{ config: Record<string, unknown> }>
  /** The image's files, in a folder. */
  mount(image: string): Promise<string>
  remove(): void
}

export async function images(): Promise<Images> {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-images-'))
  const store = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs']
  const buildah = async (...args: string[]): Promise<string> =>
    (await run('buildah', [...store, ...args], { cwd: root, maxBuffer: 1 << 26 })).stdout.trim()
  const npmrc = npmSettings(folder)
  standIn(join(folder, 'base'))
  const recipe = join(folder, 'base.Containerfile')
  writeFileSync(recipe, 'FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin:/bin HOME=/root\n')
  await buildah('bud', '-q', '--isolation', 'chroot', '-t', 'localhost/stand-in', '-f', recipe, join(folder, 'base'))
  const once = ['--isolation', 'chroot', '--pull-never', '--format', 'docker', '--timestamp', '0']
  const shared = ['-v', `${npmrc}:/root/.npmrc:ro`, '-v', `${npmCache()}:/root/.npm`]
  return {
    async build(file, name) {
      await buildah(
        'bud',
        '-q',
        ...once,
        ...shared,
        '--build-arg',
        'NODE=localhost/stand-in',
        '-f',
        file,
        '-t',
        name,
        '.',
      )
      return name
    },
    async inspect(image) {
      return (JSON.parse(await buildah('inspect', '--type', 'image', image)) as { Docker: never }).Docker
    },
    mount: async (image) => buildah('mount', await buildah('from', '--pull-never', image)),
    remove() {
      try {
        execFileSync('buildah', [...store, 'umount', '--all'], { stdio: 'ignore' })
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  }
}

/** This machine's, and what was installed here a minute ago is not fetched again. */
function npmSettings(folder: string): string {
  const own = join(homedir(), '.npmrc')
  const file = join(folder, 'npmrc')
  writeFileSync(file, `${existsSync(own) ? readFileSync(own, 'utf8') : ''}\nprefer-offline=true\n`)
  return file
}

function npmCache(): string {
  const cache = execFileSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).trim()
  mkdirSync(cache, { recursive: true })
  return cache
}

const programs = ['dash', 'tar', 'mkdir', 'rm', 'env']

/** A system of just enough: Node, a shell, and what recipes use. */
export function standIn(base: string, { npm = true } = {}): void {
  const folders = [
    'bin',
    'tmp',
    'proc',
    'dev',
    'sys',
    'run',
    'root',
    'etc/ssl/certs',
    'var/tmp',
    'usr/local/lib/node_modules',
  ]
  for (const each of folders) mkdirSync(join(base, each), { recursive: true })
  for (const name of programs) {
    copyProgram(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(base, 'bin', name))
  }
  symlinkSync('dash', join(base, 'bin/sh'))
  copyProgram(process.execPath, join(base, 'usr/local/bin/node'))
  if (npm) addNpm(base)
  mkdirSync(join(base, 'usr/bin'))
  symlinkSync('/bin/env', join(base, 'usr/bin/env'))
  for (const file of ['/etc/resolv.conf', '/etc/ssl/certs/ca-certificates.crt']) {
    if (existsSync(file)) copyFileSync(file, join(base, file))
  }
}

function addNpm(base: string): void {
  const npm = join(execFileSync('npm', ['root', '-g'], { encoding: 'utf8' }).trim(), 'npm')
  cpSync(npm, join(base, 'usr/local/lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(base, 'usr/local/bin/npm'))
}

function copyProgram(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
  const libraries = execFileSync('ldd', [from], { encoding: 'utf8' }).match(/\/\S+/g) ?? []
  for (const library of libraries) {
    const place = join(dirname(to), ...up(to), library)
    mkdirSync(dirname(place), { recursive: true })
    copyFileSync(library, place)
  }
}

/** From a program's folder to the top of the base. */
function up(to: string): string[] {
  return to.includes('/usr/local/bin/') ? ['..', '..', '..'] : ['..']
}

export type Contained = {
  /** the mounted image */
  readonly at: string
  readonly user: string
  /** folders of this machine that it is shown, by their place inside */
  readonly volumes: Readonly<Record<string, { readonly from: string; readonly writable: boolean }>>
}

/** A program in an image: another root that is read-only, another user, no capabilities, a network shared with the test. */
export function contained({ at, user, volumes }: Contained, command: readonly string[]): ChildProcess {
  const mounts = Object.entries(volumes).map(([place, { from, writable }]) => {
    mkdirSync(join(at, place), { recursive: true })
    return `mount --bind -o ${writable ? 'rw' : 'ro'} ${from} ${at}${place}`
  })
  const script = [`mount --bind -o ro ${at} ${at}`, `mount --bind /proc ${at}/proc`, ...mounts].join(' && ')
  const enter = `exec chroot --userspec=${user} ${at} "$@"`
  const path = '/usr/local/bin:/bin'
  return spawn('unshare', ['-m', 'sh', '-c', `${script} && ${enter}`, 'sh', 'env', '-i', `PATH=${path}`, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
