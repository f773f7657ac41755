/**
 * One claim as one script on the server, so that it is atomic whoever else claims there. Keys have one hash tag, so a
 * cluster keeps them in one slot. The answer compares times of the caller's clock, against which its Date was judged as
 * well; the server's clock only clears up, later than that.
 */

/** KEYS: claim, held, epoch, names. ARGV: epoch, now, quota, end of the slice, capacity of the share, name, lifetime. */
export const claimScript = `
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return 'lost' end
local now = tonumber(ARGV[2])
local before = redis.call('GET', KEYS[1])
if before then
  if tonumber(string.match(before, '^%d+')) > now then return 'seen' end
  redis.call('DEL', KEYS[1])
end
local share = string.match(ARGV[3], '^[^/]*')
local groups = redis.call('HGETALL', KEYS[2])
local used = 0
for i = 1, #groups, 2 do
  local ends, quota = string.match(groups[i], '^(%d+) (.*)$')
  if tonumber(ends) <= now then redis.call('HDEL', KEYS[2], groups[i])
  elseif string.match(quota, '^[^/]*') == share then used = used + tonumber(groups[i + 1]) end
end
if used >= tonumber(ARGV[5]) then return 'full' end
if ARGV[7] == '' then
  redis.call('SET', KEYS[1], ARGV[4], 'NX')
  redis.call('SADD', KEYS[4], ARGV[6])
else
  redis.call('SET', KEYS[1], ARGV[4], 'NX', 'PX', ARGV[7])
end
redis.call('HINCRBY', KEYS[2], ARGV[4] .. ' ' .. ARGV[3], 1)
return 'first'
`

/** KEYS: held, names of the quota, names to go. ARGV: quota. The claims themselves go a few at a time: `sweepScript`. */
export const forgetScript = `
for _, group in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.match(group, '^%d+ (.*)$') == ARGV[1] then redis.call('HDEL', KEYS[1], group) end
end
redis.call('SUNIONSTORE', KEYS[3], KEYS[3], KEYS[2])
redis.call('DEL', KEYS[2])
`
