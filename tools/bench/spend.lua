-- Checks one spend against the limits of the user's day, week and month, and counts it in all three.
-- KEYS: the three counters. ARGV: tokens, then the three limits. Answers the tokens used today, or -n when limit n refuses.
local tokens = tonumber(ARGV[1])
local used = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3])
for period = 1, 3 do
  if (tonumber(used[period]) or 0) + tokens > tonumber(ARGV[1 + period]) then return -period end
end
redis.call('INCRBY', KEYS[3], tokens)
redis.call('INCRBY', KEYS[2], tokens)
return redis.call('INCRBY', KEYS[1], tokens)
