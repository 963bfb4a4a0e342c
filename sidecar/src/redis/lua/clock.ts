/** Redis's own clock: the only one that all sidecars share. */
export const CLOCK_LUA = `
local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- Lua would write a large number as 1.7e+12.
local function digits(number)
  return string.format('%.0f', number)
end
`;
