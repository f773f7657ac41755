/**
 * Whether this machine lets us make network namespaces and watch them, and how: as root, or as anybody in a namespace of
 * users of its own. What does not let us is named, with what to do about it.
 */
import { spawnSync } from 'node:child_process'

export type Leave =
  /** what to put before a command, so that it runs in a network of its own and ends with us */
  { readonly command: readonly string[] } | { readonly why: string; readonly remedy: string }

const programs = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  mount: 'mount',
  ip: 'iproute2',
  tcpdump: 'tcpdump',
} as const

const alone = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--']
/** A link of two ends, one of them in a namespace that is not ours, is what is needed; so it is tried. */
const trial = 'ip link add t0 type veth peer name t1 && unshare --net -- true'

/** `path`: where programs are looked for. */
export function leaveToWatch(path = process.env['PATH'] ?? ''): Leave {
  if (process.platform !== 'linux')
    return { why: `network namespaces are Linux's, and this is ${process.platform}`, remedy: 'run it on Linux' }
  const env = { PATH: `${path}:/usr/sbin:/sbin` }
  const missing = Object.keys(programs).find((name) => spawnSync(name, ['--version'], { env }).error !== undefined)
  if (missing !== undefined) {
    const remedy = `install it: apt-get install ${programs[missing as keyof typeof programs]}`
    return { why: `${missing} is not installed`, remedy }
  }
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps']
  const command: [string, ...string[]] = ['unshare', ...user, ...alone]
  const [program, ...args] = command
  const { status, stderr } = spawnSync(program, [...args, 'sh', '-ec', trial], { env, encoding: 'utf8' })
  if (status === 0) return { command }
  return {
    why: `no network namespaces for us: ${stderr.trim().split('\n')[0] ?? ''}`,
    remedy: user.length === 0 ? asRoot : asUser,
  }
}

const asRoot = 'run it where root may: in a container with --privileged, or outside of it'
const asUser =
  'run it as root, or let users have namespaces: sysctl kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0'
