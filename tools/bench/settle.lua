-- Settles what hold.lua held. KEYS: the three counters, then the sum of what is held. ARGV: what was held, what was used.
redis.call('DECRBY', KEYS[4], ARGV[1])
redis.call('INCRBY', KEYS[3], ARGV[2])
redis.call('INCRBY', KEYS[2], ARGV[2])
return redis.call('INCRBY', KEYS[1], ARGV[2])
