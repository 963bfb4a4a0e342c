/** Messages: a stream for each channel, and beside it a hash: last, the newest position; trimmed, the newest that was
 *  taken away; bytes, of all envelopes kept. */
export const MESSAGES_LUA = `
local START = '0-0'

local function before(a, b)
  local a_ms, a_n = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_n = string.match(b, '^(%d+)-(%d+)$')
  a_ms, a_n, b_ms, b_n = tonumber(a_ms), tonumber(a_n), tonumber(b_ms), tonumber(b_n)
  return a_ms < b_ms or (a_ms == b_ms and a_n < b_n)
end

local function envelope_of(entry)
  return entry[2][1] == 'm' and entry[2][2] or ''
end

local function trim(log, meta, most_messages, most_bytes, bytes)
  local length = redis.call('XLEN', log)
  while length > 1 and (length > most_messages or bytes > most_bytes) do
    local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    redis.call('XDEL', log, oldest[1])
    redis.call('HSET', meta, 'trimmed', oldest[1])
    bytes = redis.call('HINCRBY', meta, 'bytes', -#envelope_of(oldest))
    length = length - 1
  end
end

-- Appends and pushes in one step. The push carries the position before it, so that a reader sees what it missed. Under a
-- term, if one is given: a lower one than was ever seen here is refused, and the answer is the highest.
local function message_publish(keys, argv)
  local log, meta, floor = keys[1], keys[2], keys[3]
  local channel, envelope, most_messages, most_bytes, idle_ms, term = unpack(argv)
  local highest = term and overtaken(floor, term)
  if highest then return {highest} end
  local previous = redis.call('HGET', meta, 'last') or START
  local position = redis.call('XADD', log, '*', 'm', envelope)
  redis.call('HSET', meta, 'last', position)
  local bytes = redis.call('HINCRBY', meta, 'bytes', #envelope)
  trim(log, meta, tonumber(most_messages), tonumber(most_bytes), bytes)
  redis.call('PEXPIRE', log, idle_ms)
  redis.call('PEXPIRE', meta, idle_ms)
  redis.call('PUBLISH', channel, previous .. ' ' .. position .. ' ' .. envelope)
  return position
end

local function message_read(keys, argv)
  local log, meta = keys[1], keys[2]
  local after, limit = argv[1], tonumber(argv[2])
  local last = redis.call('HGET', meta, 'last') or START
  local trimmed = redis.call('HGET', meta, 'trimmed') or START
  local lineage = 'intact'
  if after ~= last and after ~= trimmed and #redis.call('XRANGE', log, after, after) == 0 then
    lineage = before(after, trimmed) and 'trimmed' or 'reset'
  end
  local from = lineage == 'intact' and '(' .. after or '-'
  local entries = redis.call('XRANGE', log, from, '+', 'COUNT', limit + 1)
  local page = {lineage, last, #entries > limit and 1 or 0}
  for i = 1, math.min(#entries, limit) do
    page[#page + 1] = entries[i][1]
    page[#page + 1] = envelope_of(entries[i])
  end
  return page
end
`;
