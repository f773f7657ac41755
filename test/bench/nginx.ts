/** A real nginx (Debian package) for the benches: a target that answers 1 KiB, and the proxy that the relay is held against. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Nginx = { readonly workerPid: number; stop(): Promise<void> }

/** Starts one nginx with one worker on `cpu`. `servers` is the text of its `server` and `upstream` blocks. */
export async function startNginx(servers: string, where: number | string, cpu: number): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-nginx-'))
  const config = join(folder, 'nginx.conf')
  writeFileSync(config, configuration(folder, servers))
  const child = spawn('taskset', ['-c', String(cpu), 'nginx', '-p', folder, '-c', config], { stdio: 'inherit' })
  await accepting(where)
  const workerPid = workerOf(child.pid ?? 0)
  return {
    workerPid,
    stop: () =>
      new Promise((done) => {
        child.once('exit', () => {
          rmSync(folder, { recursive: true, force: true })
          done()
        })
        child.kill('SIGTERM')
      }),
  }
}

function configuration(folder: string, servers: string): string {
  return `
daemon off;
master_process on;
worker_processes 1;
user root;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_buffer_size 64k;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${servers}
}
`
}

/** A server block that answers every request with `bytes` bytes of `type`. */
export function answering(listen: string, bytes: number, type: string): string {
  return `server { listen ${listen}; location / { default_type ${type}; return 200 "${'a'.repeat(bytes)}"; } }`
}

function workerOf(master: number): number {
  const children = readFileSync(`/proc/${String(master)}/task/${String(master)}/children`, 'utf8')
  return Number(children.trim().split(' ')[0])
}

/** Waits until something accepts on a loopback port or a Unix socket. */
export async function accepting(where: number | string, seconds = 10): Promise<void> {
  const end = Date.now() + seconds * 1000
  while (Date.now() < end) {
    if (await accepts(where)) return
    await new Promise((wait) => setTimeout(wait, 20))
  }
  throw new Error(`nothing listens on ${String(where)} after ${String(seconds)} s`)
}

function accepts(where: number | string): Promise<boolean> {
  return new Promise((answer) => {
    const socket = createConnection(typeof where === 'number' ? { host: '127.0.0.1', port: where } : { path: where })
    socket.once('connect', () => {
      socket.destroy()
      answer(true)
    })
    socket.once('error', () => answer(false))
  })
}
