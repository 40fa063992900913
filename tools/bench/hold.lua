-- Holds tokens on a hot account, if used, held and asked together fit in the day, the week and the month.
-- KEYS: the three counters, then the sum of what is held. ARGV: tokens, then the three limits. Answers what is held, or -n
-- when limit n refuses. It knows no single hold, so that none can expire, and none can be settled only once.
local tokens = tonumber(ARGV[1])
local used = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
local held = tonumber(used[4]) or 0
for period = 1, 3 do
  if (tonumber(used[period]) or 0) + held + tokens > tonumber(ARGV[1 + period]) then return -period end
end
return redis.call('INCRBY', KEYS[4], tokens)
