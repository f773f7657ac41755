/** A whole gateway from its settings, in front of a real agent: real ports, real attestation, real bundle. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { gatewaySettings } from '../../gateway/config.ts'
import { publishOnce } from '../../gateway/key-commands.ts'
import { openGateway } from '../../gateway/service.ts'
import { digestOf } from '../../shared/observability/digest.ts'
import { verifyBundle } from '../../shared/attestation/bundle.ts'
import { verifyRoot } from '../../shared/attestation/trust-root.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import { encodeContent, encodeEnd } from '../../shared/bhttp/encode.ts'
import { concat, fromUtf8, utf8 } from '../../shared/bytes.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { sealRequestChunks } from '../../shared/ohttp/chunked.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { readSigner } from '../../shared/tlog/signer.ts'
import { binaryRequest, chunkedHead, hello } from './town.ts'
import { developmentRoot } from './trust.ts'

import { askThrough, keyOf, opened, place, worldOf, type Line } from './settled.ts'

describe('a gateway in front of an attested CVM', () => {
  test('serves sealed requests with the key of its own signed bundle', async () => {
    const { url, rootNote, lines } = await opened()
    const { outer, inner, message } = await askThrough(url)
    expect([inner?.status, inner && fromUtf8(inner.content), message.length]).toEqual([200, 'hello', 1024])
    expect(outer.headers.get('date')).toMatch(/:00 GMT$/)
    const note = new Uint8Array(await (await fetch(`${url}/.well-known/asunder-bundle`)).arrayBuffer())
    const { bundle } = await verifyBundle({
      note,
      root: await verifyRoot(rootNote),
      placement: 'front',
      now: Date.now(),
    })
    const list = new Uint8Array(await (await fetch(`${url}/.well-known/ohttp-gateway`)).arrayBuffer())
    expect(bundle.keys).toEqual(list)
    expect(lines).toContainEqual(expect.objectContaining({ event: 'started', level: 'warn', simulated: true }))
  })

  test('OPS-2: counts how requests ended on the private listener, and shows nothing of it on the public one', async () => {
    const { url, service, clock } = await opened()
    const page = async (path: string) => (await fetch(`http://127.0.0.1:${String(service.adminPort)}${path}`)).text()
    const served = 'asunder_gateway_requests_total{family="standard",outcome="served"}'
    for (let i = 0; i < 11; i++) await askThrough(url)
    expect(await page('/metrics')).toContain(`${served} 0\n`)
    clock.ahead = 60_000
    await vi.waitFor(async () => expect(await page('/metrics')).toContain(`${served} 10\n`), 3_000)
    expect(await page('/metrics')).toMatch(
      /^asunder_gateway_build_info\{version="[^"]+",placement="front",profile="direct"\} 1$/m,
    )
    await vi.waitFor(async () => expect(await page('/flags')).toMatch(/^asunder_gateway_up [01]$/m), 3_000)
    for (const path of ['/metrics', '/flags', '/readyz', '/healthz']) expect((await fetch(url + path)).status).toBe(404)
  })

  test.each(['mixed', 'paced'])('profile %s: says so, and takes no size off the grid', async (profile) => {
    const { url, service } = await opened(undefined, { profile })
    const { outer, message } = await askThrough(url)
    expect([outer.status, fromUtf8(message)]).toEqual([400, expect.stringContaining('about:blank')])
    const page = await (await fetch(`http://127.0.0.1:${String(service.adminPort)}/metrics`)).text()
    expect(page).toContain(`placement="front",profile="${profile}"} 1`)
  })

  test('OPS-3: while it drains it is not ready, and says why', async () => {
    const parts: (() => void)[] = []
    const { url, ready, service } = await opened((_, out) => {
      out.write('half')
      parts.push(() => out.end('whole'))
    })
    const asking = askThrough(url)
    await vi.waitFor(() => expect(parts).toHaveLength(1), 5_000)
    const closing = service.close()
    expect(await (await ready()).text()).toBe('not ready: listening\n')
    parts[0]?.()
    expect((await asking).inner?.status).toBe(200)
    await closing
  })

  test('withdrawn evidence stops the opening within the life of the verdict; it recovers by itself', async () => {
    const { url, ready, platform, lines } = await opened()
    renameSync(platform, `${platform}.gone`)
    await vi.waitFor(async () => expect(await (await ready()).text()).toBe('not ready: attested-cvm\n'), {
      timeout: 8_000,
      interval: 50,
    })
    const refused = await askThrough(url)
    expect([refused.outer.status, refused.outer.headers.get('content-type')]).toEqual([503, 'application/problem+json'])
    renameSync(`${platform}.gone`, platform)
    await vi.waitFor(async () => expect((await ready()).status).toBe(200), { timeout: 8_000, interval: 50 })
    expect((await askThrough(url)).inner?.status).toBe(200)
    expect(lines).toContainEqual(expect.objectContaining({ event: 'missing', condition: 'attested-cvm' }))
  })

  test('OPS-1: no log line knows who or what', async () => {
    const { url, lines } = await opened()
    await askThrough(url)
    await askThrough(url, utf8('not binary http'))
    expect(JSON.stringify(lines)).not.toMatch(/127\.0\.0\.1|asunder\.example|hello|GET/)
    expect(new Set(lines.map(({ event }) => event))).toEqual(
      new Set(['keys-turned', 'bundle-served', 'attested', 'missing', 'readiness', 'started']),
    )
  })

  test('trust.md 7: simulated evidence with a production root does not start', async () => {
    const at = await place()
    const signer = await readSigner(readFileSync(join(at.folder, 'bundle.skey'), 'utf8'))
    writeFileSync(
      join(at.folder, 'root.note'),
      await developmentRoot(signer, Math.floor(Date.now() / 1000 + 86_400) * 1000, { use: 'production' }),
    )
    const starting = openGateway(gatewaySettings(JSON.stringify(at.settings), 'test'), worldOf(at.folder))
    await expect(starting).rejects.toMatchObject({ code: 'simulated-not-allowed' })
  })

  test('OHTTP-G21: with keys and claims in files, a restart keeps the keys and still knows what was served', async () => {
    const files = {
      keys: { file: 'keys.json', kems: ['X25519'] },
      store: { kind: 'sqlite', file: 'claims.db', claims: 1_000 },
    }
    const { service, url, folder, settings } = await opened(hello, files)
    const { config, suite } = await keyOf(url)
    const sealed = await sealRequest(nodeHpke, config, suite, binaryRequest({ date: Date.now() }))
    const post = (to: string) =>
      fetch(to, { method: 'POST', headers: { 'content-type': 'message/ohttp-req' }, body: sealed.message })
    const open = async (answer: Response) =>
      decodeResponse(await sealed.openResponse(new Uint8Array(await answer.arrayBuffer()))).status
    expect(await open(await post(url))).toBe(200)
    await service.close()
    const again = await openGateway(gatewaySettings(JSON.stringify(settings), 'test'), worldOf(folder))
    onTestFinished(() => again.force())
    const second = `http://127.0.0.1:${String(again.port)}`
    await vi.waitFor(async () => expect((await post(second)).status).toBe(200), 5_000)
    expect(await open(await post(second))).toBe(400)
    expect((await keyOf(second)).config.publicKey).toEqual(config.publicKey)
  })

  test('publishing alone signs for the keys of the file, once', async () => {
    const files = { keys: { file: 'keys.json' }, store: { kind: 'sqlite', file: 'claims.db' } }
    const { folder, settings } = await opened(hello, files)
    const before = readFileSync(join(folder, 'bundle.note'))
    const world = worldOf(folder)
    await publishOnce(gatewaySettings(JSON.stringify(settings), 'test'), world)
    expect(readFileSync(join(folder, 'bundle.note'))).toEqual(before)
    const bundle = digestOf(before)
    expect(world.lines).toEqual([{ level: 'info', event: 'bundle-served', serial: 1, bundle }])
    const alone = gatewaySettings(JSON.stringify({ ...settings, bundle: { file: 'bundle.note' } }), 'test')
    await expect(publishOnce(alone, world)).rejects.toMatchObject({ code: 'insecure-configuration' })
  })

  test('publishing alone makes the first keys, and a gateway that starts then offers them', async () => {
    const files = { keys: { file: 'keys.json' }, store: { kind: 'sqlite', file: 'claims.db' } }
    const { folder, settings } = await place(hello, files)
    const read = gatewaySettings(JSON.stringify(settings), 'test')
    const world = worldOf(folder)
    await publishOnce(read, world)
    expect(world.lines.map(({ event }) => event)).toEqual(['keys-turned', 'bundle-served'])
    const signed = readFileSync(join(folder, 'bundle.note'))
    const service = await openGateway(read, worldOf(folder))
    onTestFinished(() => service.force())
    expect(readFileSync(join(folder, 'bundle.note'))).toEqual(signed)
  })

  test("the signer may be a credential, which systemd shows with a group's right", async () => {
    const { folder, settings } = await place(hello, {
      keys: { file: 'keys.json' },
      store: { kind: 'sqlite', file: 'claims.db' },
      bundle: { file: 'bundle.note', signer: 'credential:signer' },
    })
    renameSync(join(folder, 'bundle.skey'), join(folder, 'signer'))
    chmodSync(join(folder, 'signer'), 0o440)
    const file = join(folder, 'settings.json')
    writeFileSync(file, JSON.stringify(settings))
    const publish = (env: Record<string, string>) =>
      spawnSync(process.execPath, ['gateway/main.ts', 'publish', '--config', file], { encoding: 'utf8', env })
    expect(publish({})).toMatchObject({ status: 2, stderr: expect.stringContaining('LoadCredential=signer') as string })
    expect(publish({ CREDENTIALS_DIRECTORY: folder })).toMatchObject({ status: 0, stderr: '' })
    expect(readFileSync(join(folder, 'bundle.note'), 'utf8')).toMatch(/^asunder bundle v1\n/)
  })

  test.each([
    ['a damaged serial', 'bundle.note.serial', 'x'],
    ['a damaged bundle', 'bundle.note', 'not a note'],
  ])('publishing alone over %s fails, and says what to do', async (_, name, text) => {
    const files = { keys: { file: 'keys.json' }, store: { kind: 'sqlite', file: 'claims.db' } }
    const { folder, settings } = await place(hello, files)
    writeFileSync(join(folder, name), text)
    const publishing = publishOnce(gatewaySettings(JSON.stringify(settings), 'test'), worldOf(folder))
    await expect(publishing).rejects.toThrow(/^nothing was published: .+\nLook at keys\.file/)
  })
})

describe('streams on a real socket', () => {
  async function stream(url: string) {
    const { config, suite } = await keyOf(url)
    const sealer = await sealRequestChunks(nodeHpke, config, suite)
    const outgoing = request(url, {
      method: 'POST',
      headers: { 'content-type': 'message/ohttp-chunked-req', incremental: '?1' },
    })
    const answer = once(outgoing, 'response').then(([incoming]) => incoming as IncomingMessage)
    answer.catch(() => undefined)
    outgoing.on('error', () => undefined).write(sealer.head)
    return { sealer, outgoing, answer, opener: sealer.response() }
  }

  test('CHK-21: an event is with the client before the app sends the next one; the head is a constant', async () => {
    const events = ['one', 'two', 'three']
    const next: (() => void)[] = []
    const { url } = await opened((_, out) => {
      const say = (): void => {
        const event = events.shift()
        if (event === undefined) out.end()
        else out.write(event)
      }
      next.push(say)
      say()
    })
    const { sealer, outgoing, answer, opener } = await stream(url)
    outgoing.write(await sealer.seal(chunkedHead({ date: Date.now() })))
    outgoing.end(await sealer.final(encodeEnd()))
    const incoming = await answer
    const names = incoming.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
    expect(names.sort()).toEqual(['cache-control', 'content-type', 'date', 'incremental', 'transfer-encoding'])
    const plaintexts: Uint8Array[] = []
    for await (const piece of incoming as AsyncIterable<Buffer>) {
      plaintexts.push(...(await opener.push(piece)))
      const text = Buffer.concat(plaintexts).toString('latin1')
      for (const word of ['one', 'two', 'three']) if (text.endsWith(word)) next[0]?.()
    }
    plaintexts.push(...(await opener.end()))
    expect(fromUtf8(decodeResponse(concat(...plaintexts)).content)).toBe('onetwothree')
  })

  test('OHTTP-G12: what does not open is answered at once, though its sender says nothing more', async () => {
    const { url } = await opened()
    const { outgoing, answer } = await stream(url)
    outgoing.write(concat(Uint8Array.of(20), new Uint8Array(20)))
    const began = performance.now()
    const incoming = await answer
    expect([incoming.statusCode, incoming.headers.connection]).toEqual([400, 'close'])
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>)).toString()).toContain('#ohttp-key')
  })

  test('HOP-8: what breaks off behind us breaks off in front of us', async () => {
    const { url } = await opened((_, out) => {
      out.write('half')
      setTimeout(() => out.destroy(), 50)
    })
    const { sealer, outgoing, answer } = await stream(url)
    outgoing.write(await sealer.seal(chunkedHead({ date: Date.now() })))
    outgoing.end(await sealer.final(encodeEnd()))
    const incoming = await answer
    await expect(Array.fromAsync(incoming as AsyncIterable<Buffer>)).rejects.toThrow('aborted')
    expect(incoming.complete).toBe(false)
  })

  test('CHK-14: an upload that is lost never looks complete to the app, and the lease comes back', async () => {
    const ends: boolean[] = []
    const { url } = await opened((incoming, out) => {
      incoming.on('error', () => undefined).resume()
      if (incoming.method === 'POST') incoming.on('close', () => ends.push(incoming.complete))
      incoming.on('end', () => out.end('hello'))
    })
    for (let i = 1; i <= 6; i++) {
      await vi.waitFor(async () => expect((await askThrough(url)).inner?.status).toBe(200), 5_000)
      const { sealer, outgoing } = await stream(url)
      outgoing.write(
        await sealer.seal(concat(chunkedHead({ method: 'POST', date: Date.now() }), encodeContent(utf8('x')))),
      )
      await pause(50)
      outgoing.destroy()
      await vi.waitFor(() => expect(ends).toHaveLength(i), 5_000)
    }
    expect(ends).toEqual([false, false, false, false, false, false])
    await vi.waitFor(async () => expect((await askThrough(url)).inner?.status).toBe(200), 5_000)
  })
})

describe('the door', () => {
  const door = (...args: string[]) =>
    spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'gateway/main.ts', ...args])
  const all = async (stream: AsyncIterable<Buffer>) => Buffer.concat(await Array.fromAsync(stream)).toString()

  test('OPS-3: it starts, says so in one JSON line, drains on SIGTERM and exits 0', async () => {
    const { folder } = await place()
    const child = door('--config', join(folder, 'settings.json'))
    const lines: Line[] = []
    child.stdout.on('data', (part: Buffer) =>
      lines.push(
        ...part
          .toString()
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Line),
      ),
    )
    await vi.waitFor(() => expect(lines.map(({ event }) => event)).toContain('started'), 10_000)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(lines.at(-1)?.event).toBe('stopped')
  })

  test('OPS-3: a second signal does not wait for what hangs', async () => {
    const { folder } = await place(hello, { drain: 60_000 })
    const child = door('--config', join(folder, 'settings.json'))
    const lines: string[] = []
    child.stdout.on('data', (part: Buffer) => lines.push(part.toString()))
    await vi.waitFor(() => expect(lines.join('')).toContain('"started"'), 10_000)
    const port = Number(/"port":(\d+)/.exec(lines.join(''))?.[1])
    const hanging = request({
      port,
      method: 'POST',
      headers: { 'content-type': 'message/ohttp-req', 'content-length': '9' },
    })
    hanging.on('error', () => undefined).write('x')
    await pause(100)
    child.kill('SIGTERM')
    await vi.waitFor(() => expect(lines.join('')).toContain('"stopping"'), 5_000)
    expect(child.exitCode).toBeNull()
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('publishing nothing exits with 2 and names the remedy', async () => {
    const files = { keys: { file: 'keys.json' }, store: { kind: 'sqlite', file: 'claims.db' } }
    const { folder } = await place(hello, files)
    writeFileSync(join(folder, 'bundle.note.serial'), 'x')
    const child = door('publish', '--config', join(folder, 'settings.json'))
    const [said, exit] = await Promise.all([all(child.stderr), once(child, 'exit')])
    expect([exit, said]).toEqual([[2, null], expect.stringContaining('nothing was published')])
  })

  test('--help explains; bad settings are named and exit with 2', async () => {
    const help = door('--help')
    expect(await all(help.stdout)).toContain('--config FILE')
    const { folder } = await place(hello, { targets: [] })
    const child = door('--config', join(folder, 'settings.json'))
    const [said, exit] = await Promise.all([all(child.stderr), once(child, 'exit')])
    expect([exit, said]).toEqual([[2, null], expect.stringContaining('targets')])
    expect(await once(door('dance', '--config', 'x'), 'exit')).toEqual([2, null])
  })
})
