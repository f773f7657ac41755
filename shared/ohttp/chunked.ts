/** Chunked Oblivious HTTP in one place: draft-ietf-ohai-chunked-ohttp-08. Requests are §4, responses §5. */
export { chunkSize, innerChunkSize, messageLimits, pieces, type ChunkLimits } from './chunk-rules.ts'
export {
  RequestChunkOpener,
  RequestChunkSealer,
  sealRequestChunks,
  type RequestChunkOptions,
} from './chunked-request.ts'
export { ResponseChunkOpener, ResponseChunkSealer } from './chunked-response.ts'
