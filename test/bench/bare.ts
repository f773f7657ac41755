/** The least that an answer costs on this machine: node:http alone, which reads 1 KiB and answers 1 KiB. `bare.ts PORT` */
import { createServer } from 'node:http'
import { mediaTypes } from '../../shared/http/media-types.ts'

const body = Buffer.alloc(1024, 'a')
const head = ['content-type', mediaTypes.response, 'content-length', String(body.length)]

createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, head).end(body))
}).listen(Number(process.argv[2]), '127.0.0.1')
