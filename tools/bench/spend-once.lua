-- As spend.lua, and remembers the request's id (KEYS[4]) so that a repetition counts nothing: 0.
local tokens = tonumber(ARGV[1])
if not redis.call('SET', KEYS[4], ARGV[1], 'NX') then return 0 end
local used = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3])
for period = 1, 3 do
  if (tonumber(used[period]) or 0) + tokens > tonumber(ARGV[1 + period]) then return -period end
end
redis.call('INCRBY', KEYS[3], tokens)
redis.call('INCRBY', KEYS[2], tokens)
return redis.call('INCRBY', KEYS[1], tokens)
