/** Sessions: a hash each. Fields that begin with a slash are leaves (JSON pointer, and JSON text with a stamp before it
 *  where it was changed, see sessions/stamps.ts; never decoded here: cjson would turn [] into {}). The others: v version, c created, u updated, a last activity (all milliseconds), o the
 *  last few operation ids; gone marks a tombstone.
 *
 *  The index is a sorted set of ids by end of life, so that counting needs no scan. */
export const SESSIONS_LUA = `
local REMEMBERED = 4

-- State of what is stored (none, live, gone, damaged) and its fields.
local function stored(key)
  local flat = redis.pcall('HGETALL', key)
  if flat.err then return 'damaged', {} end
  if #flat == 0 then return 'none', {} end
  local fields = {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  if fields.gone then return 'gone', fields end
  if not (tonumber(fields.v) and tonumber(fields.c) and tonumber(fields.u) and tonumber(fields.a)) then
    return 'damaged', fields
  end
  return 'live', fields
end

local function answer(fields)
  local flat = {'ok'}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  return flat
end

local function remembered(fields, op)
  for known in string.gmatch(fields.o or '', '%S+') do
    if known == op then return true end
  end
  return false
end

local function remember(fields, op)
  local ops = {}
  for known in string.gmatch(fields.o or '', '%S+') do ops[#ops + 1] = known end
  ops[#ops + 1] = op
  while #ops > REMEMBERED do table.remove(ops, 1) end
  return table.concat(ops, ' ')
end

-- Uses within one grain slide the end of life once, so that most reads write nothing; the end of life is a grain
-- later than asked for, so that this never shortens it.
local function grain(ttl)
  return math.min(math.floor(ttl / 20), 60000)
end

local function slide(key, index, id, now, ttl)
  local life = ttl + grain(ttl)
  redis.call('PEXPIRE', key, digits(life))
  redis.call('ZADD', index, digits(now + life), id)
end

local function put(key, names, fields)
  local pairs_of = {}
  for _, name in ipairs(names) do
    pairs_of[#pairs_of + 1] = name
    pairs_of[#pairs_of + 1] = fields[name]
    -- unpack has a limit
    if #pairs_of >= 1000 then
      redis.call('HSET', key, unpack(pairs_of))
      pairs_of = {}
    end
  end
  if #pairs_of > 0 then redis.call('HSET', key, unpack(pairs_of)) end
end

-- 16 digits: microseconds.
local function stamp_of(value, created)
  if string.sub(value, 1, 1) == '@' then return string.sub(value, 2, 17) end
  return string.format('%013d000', tonumber(created))
end

local function after(stamp)
  return string.format('%016.0f', tonumber(stamp) + 1)
end

-- What was written later than asked for is overwritten all the same: here the order is that of arrival.
local function stamped(json, stamp, before, created)
  if before then
    local earliest = after(stamp_of(before, created))
    if earliest > stamp then stamp = earliest end
  end
  return '@' .. stamp .. json
end

-- keys[3]: where the highest term is kept; with it the write is one under a term, and a lower one is refused.
local function session_write(keys, argv)
  local key, index, floor = keys[1], keys[2], keys[3]
  local kind, id, op, ttl, expected, created, limit, stamp, term = unpack(argv, 1, 9)
  ttl = tonumber(ttl)
  local now = now_ms()
  local state, fields = stored(key)
  if state == 'live' and remembered(fields, op) then
    -- A write of its own, however small: WAIT counts replicas for this connection's last write only.
    slide(key, index, id, now, ttl)
    fields.a = digits(now)
    return answer(fields)
  end
  local highest = floor and overtaken(floor, term)
  if highest then return {'term-overtaken', highest} end
  if kind == 'create' then
    if state ~= 'none' then return {'taken'} end
    fields = {c = created, v = '0'}
  elseif state == 'damaged' then
    return {'damaged'}
  elseif state ~= 'live' then
    return {'not-found'}
  elseif expected ~= '' and expected ~= fields.v then
    return {'version-conflict', fields.v}
  end
  local names = {'v', 'c', 'u', 'a', 'o'}
  for i = 10, #argv, 2 do
    local name, json = argv[i], argv[i + 1]
    names[#names + 1] = name
    fields[name] = kind == 'create' and json or stamped(json, stamp, fields[name], fields.c)
  end
  local bytes = 0
  for name, value in pairs(fields) do
    if string.sub(name, 1, 1) == '/' then bytes = bytes + #name + #value end
  end
  if bytes > tonumber(limit) then return {'too-large', bytes} end
  fields.v = digits(tonumber(fields.v) + 1)
  fields.u = digits(now)
  fields.a = digits(now)
  fields.o = remember(fields, op)
  put(key, names, fields)
  slide(key, index, id, now, ttl)
  return answer(fields)
end

-- A session as a pod holds it that could not write it here before: of every leaf the later one stays. It makes a session
-- that is not there (Redis may have lost it), and never one that was removed. It has no limit: two that were each within
-- it may be over it together, and both were acknowledged.
local function session_merge(keys, argv)
  local key, index = keys[1], keys[2]
  local id, ttl, version, created, updated, active = unpack(argv, 1, 6)
  local state, fields = stored(key)
  if state == 'gone' or state == 'damaged' then return {state} end
  local before = state == 'live' and tonumber(fields.v) or 0
  local names, learned = {'v', 'c', 'u', 'a', 'o'}, 0
  for i = 7, #argv, 2 do
    local name, value = argv[i], argv[i + 1]
    local ours = fields[name]
    local later = true
    if ours then
      local stamp, other = stamp_of(value, created), stamp_of(ours, fields.c)
      later = stamp > other or (stamp == other and value > ours)
    end
    if later and value ~= ours then
      names[#names + 1] = name
      fields[name] = value
      learned = 1
    end
  end
  fields.v = digits(math.max(before > 0 and before + learned or 0, tonumber(version)))
  fields.c = digits(math.min(tonumber(fields.c or created), tonumber(created)))
  fields.u = digits(math.max(tonumber(fields.u or 0), tonumber(updated)))
  fields.a = digits(math.max(tonumber(fields.a or 0), tonumber(active)))
  fields.o = fields.o or ''
  put(key, names, fields)
  slide(key, index, id, now_ms(), tonumber(ttl))
  return answer(fields)
end

local function found(state, fields)
  if state == 'live' then
    fields.a = digits(now_ms())
    return answer(fields)
  end
  return {state == 'damaged' and 'damaged' or 'not-found'}
end

-- Slides the end of life when the last use is a grain ago. Either way: after a failover the clock may be behind what is
-- stored.
local function used(key, index, id, ttl, active)
  local now = now_ms()
  if math.abs(now - tonumber(active)) >= grain(ttl) then
    redis.call('HSET', key, 'a', digits(now))
    slide(key, index, id, now, ttl)
  end
  return now
end

-- known: version and time of the last write of what the caller has; when that is what is stored, only the time is told.
-- Both: after a failover a version may come a second time, with other content.
local function session_read(keys, argv)
  local key, index = keys[1], keys[2]
  local id, ttl, known = argv[1], tonumber(argv[2]), argv[3]
  if known ~= '' then
    local now = redis.pcall('HMGET', key, 'v', 'u', 'a')
    if not now.err and now[1] and now[2] and tonumber(now[3]) and now[1] .. ' ' .. now[2] == known then
      return {'same', digits(used(key, index, id, ttl, now[3]))}
    end
  end
  local state, fields = stored(key)
  if state == 'live' then used(key, index, id, ttl, fields.a) end
  return found(state, fields)
end

-- A read for when Redis takes no writes: the end of life does not slide.
local function session_peek(keys)
  return found(stored(keys[1]))
end

-- With bury the tombstone stands even where nothing was: a create in some journal must not bring the session to life.
local function session_remove(keys, argv)
  local highest = keys[3] and overtaken(keys[3], argv[4])
  if highest then return {'term-overtaken', highest} end
  local state = stored(keys[1])
  if state == 'none' and argv[3] ~= '1' then return {'not-found'} end
  redis.call('DEL', keys[1])
  redis.call('HSET', keys[1], 'gone', '1')
  redis.call('PEXPIRE', keys[1], argv[2])
  redis.call('ZREM', keys[2], argv[1])
  return {'removed', (state == 'live' or state == 'damaged') and 1 or 0}
end

local function sessions_count(keys)
  return redis.call('ZCOUNT', keys[1], digits(now_ms()), '+inf')
end

local function sessions_sweep(keys)
  return redis.call('ZREMRANGEBYSCORE', keys[1], '-inf', '(' .. digits(now_ms()))
end
`;
