/** The floor of terms: it only grows. */
export const TERMS_LUA = `
local function term_raise(keys, argv)
  local floor = tonumber(redis.call('GET', keys[1]) or '0') or 0
  local term = tonumber(argv[1])
  if term <= floor then return digits(floor) end
  redis.call('SET', keys[1], digits(term))
  return digits(term)
end

-- The highest term when it is above this one, and nothing when who has this one may write: no lower one may any more then.
local function overtaken(floor, term)
  local highest = term_raise({floor}, {term})
  if highest ~= digits(tonumber(term)) then return highest end
end
`;
