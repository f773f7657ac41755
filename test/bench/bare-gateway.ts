/**
 * The least that an opened request costs on this machine: node:http, one opening, one undici client a connection, one
 * sealing. No TLS, no evidence, no limits, no screen, no replay protection, no errors. `bare-gateway.ts PORT SOCKET`
 */
import { createServer, type ServerResponse } from 'node:http'
import { Client } from 'undici'
import { aes128Gcm, hkdfSha256, x25519 } from '../../shared/hpke/suites.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { createGatewayKey } from '../../shared/ohttp/gateway-key.ts'
import { serializeKeyConfigs } from '../../shared/ohttp/key-config.ts'
import { openRequest } from '../../shared/ohttp/request.ts'

const [port, socketPath = ''] = process.argv.slice(2)
const key = createGatewayKey({ keyId: 1, kem: x25519, suites: [{ kdf: hkdfSha256, aead: aes128Gcm }] })
const keys = Buffer.from(serializeKeyConfigs([key.config]))
const free: Client[] = []

function serve(message: Uint8Array, response: ServerResponse): void {
  const { content, sealResponse } = openRequest(() => key, message)
  const client = free.pop() ?? new Client('http://app', { socketPath })
  const answer: Uint8Array[] = []
  client.dispatch(
    { path: '/', method: 'POST', headers: ['content-type', 'application/json'], body: content },
    {
      onRequestStart: () => undefined,
      onResponseStart: () => undefined,
      onResponseData: (_, part) => void answer.push(part),
      onResponseEnd() {
        free.push(client)
        // As long as the request: what the gateway pads is as long, too.
        const whole = Buffer.concat([...answer, Buffer.alloc(content.length)], content.length)
        const sealed = sealResponse(whole)
        response
          .writeHead(200, ['content-type', mediaTypes.response, 'content-length', String(sealed.length)])
          .end(sealed)
      },
      onResponseError(_, error) {
        throw error
      },
    },
  )
}

createServer((request, response) => {
  if (request.method === 'GET') return void response.writeHead(200).end(keys)
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => serve(Buffer.concat(parts), response))
}).listen(Number(port), '127.0.0.1')
