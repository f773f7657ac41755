/** A relay that is not ours: nginx as a reverse proxy that passes on none of its clients' fields, as RFC 9458 §6.1 asks. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { certificatePem, issuedBy, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import type { LivePair } from './pair.ts'

export const nginxPath = '/usr/sbin/nginx'

export type NginxOptions = {
  readonly folder: string
  readonly port: number
  /** where it is told that the gateway is */
  readonly gatewayPort: number
  /** fields that it adds, as nginx writes them */
  readonly adds?: string
}

/** Resolves when it takes connections; gives how to end it. Leaves `ca.pem` in the folder. */
export async function startNginxRelay(pair: LivePair, options: NginxOptions): Promise<() => Promise<void>> {
  const { folder, port } = options
  const authority = selfSigned({ commonName: 'another authority', use: 'authority' })
  const door = issuedBy(authority, { commonName: 'another relay', use: 'server', names: ['127.0.0.1'] })
  const put = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 })
  put('ca.pem', certificatePem(authority))
  put('door.key', privateKeyPem(door))
  put('door.pem', certificatePem(door))
  put('client.key', pair.relayIdentity.key)
  put('client.pem', pair.relayIdentity.cert)
  put('gateway-ca.pem', pair.relayIdentity.ca)
  put('nginx.conf', configuration(options))
  const child = spawn(nginxPath, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
  const gone = once(child, 'exit')
  await accepting(port, () => child.exitCode === null)
  return async () => {
    child.kill('SIGTERM')
    await gone
  }
}

function configuration({ folder, port, gatewayPort, adds = '' }: NginxOptions): string {
  const to = `127.0.0.1:${String(gatewayPort)}`
  const fields = `proxy_set_header Host ${to}; proxy_set_header Connection ""; ${adds}`
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `
daemon off; ${user} pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off; client_body_buffer_size 1m; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream gateway { server ${to}; keepalive 16; }
  server {
    listen 127.0.0.1:${String(port)} ssl; ssl_protocols TLSv1.3;
    ssl_certificate ${folder}/door.pem; ssl_certificate_key ${folder}/door.key;
    proxy_http_version 1.1; proxy_pass_request_headers off;
    proxy_ssl_protocols TLSv1.3; proxy_ssl_verify on; proxy_ssl_trusted_certificate ${folder}/gateway-ca.pem;
    proxy_ssl_name "asunder local gateway";
    proxy_ssl_certificate ${folder}/client.pem; proxy_ssl_certificate_key ${folder}/client.key;
    location = / {
      limit_except POST { deny all; }
      ${fields} proxy_set_header Content-Type $content_type;
      proxy_pass https://gateway/.well-known/ohttp-gateway;
    }
    location = /.well-known/ohttp-gateway {
      proxy_method GET; proxy_pass_request_body off;
      ${fields} proxy_set_header Content-Length "";
      proxy_pass https://gateway;
    }
    location / { return 404; }
  }
}
`
}

async function accepting(port: number, alive: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  for (;;) {
    if (!alive()) throw new Error('nginx ended before it took connections')
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (open) return
    if (Date.now() > deadline) throw new Error('nginx takes no connections')
    await sleep(20)
  }
}
