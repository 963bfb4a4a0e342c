/** Members: a hash of records by pod name and a sorted set of pod names by when they were last heard. Names that begin
 *  with ! are the registry's own (no pod can be called so): !epoch, the life of this registry; !beat, when anybody was
 *  last heard; !resumed, when hearing began again after everybody was silent. */
export const MEMBERS_LUA = `
local function members_beat(keys, argv)
  local records, heard = keys[1], keys[2]
  local channel, pod, record, silent, epoch = unpack(argv)
  silent = tonumber(silent)
  local now = now_ms()
  local changed = redis.call('HGET', records, pod) ~= record
  if changed then redis.call('HSET', records, pod, record) end
  -- With the time: whoever began it may be the first one again.
  redis.call('HSETNX', records, '!epoch', epoch .. '-' .. digits(now))
  local beat = tonumber(redis.call('HGET', records, '!beat') or '0')
  local resumed = tonumber(redis.call('HGET', records, '!resumed') or '0')
  -- When everybody was silent it was Redis that was away: all get a full time to be heard again.
  if math.abs(now - beat) > silent / 2 then
    resumed = now
    redis.call('HSET', records, '!resumed', digits(now))
  end
  redis.call('HSET', records, '!beat', digits(now))
  redis.call('ZADD', heard, digits(now), pod)
  local roll = {redis.call('HGET', records, '!epoch')}
  local scores = redis.call('ZRANGE', heard, 0, -1, 'WITHSCORES')
  for i = 1, #scores, 2 do
    local member, at = scores[i], tonumber(scores[i + 1])
    local kept = redis.call('HGET', records, member)
    if at > now then
      -- A failover may bring a clock that is behind.
      at = now
      redis.call('ZADD', heard, digits(now), member)
    end
    if not kept or (now - at > silent and now - resumed > silent) then
      redis.call('ZREM', heard, member)
      redis.call('HDEL', records, member)
      changed = true
    else
      roll[#roll + 1] = member
      roll[#roll + 1] = kept
      roll[#roll + 1] = digits(now - at)
    end
  end
  if changed then redis.call('PUBLISH', channel, 'changed') end
  return roll
end

-- Only this life of the pod: one that was started since stays.
local function members_leave(keys, argv)
  local channel, pod, record = unpack(argv)
  if redis.call('HGET', keys[1], pod) ~= record then return 0 end
  redis.call('HDEL', keys[1], pod)
  redis.call('ZREM', keys[2], pod)
  redis.call('PUBLISH', channel, 'changed')
  return 1
end
`;
