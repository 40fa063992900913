-- wrk: GETs of every user's usage in a scattered order, prepared before the clock runs; the same for both servers.
-- Arguments: path with a %s for the user's number, number of users, token.
local requests, at, count = {}, 0, 0

function init(arguments)
  count = tonumber(arguments[2])
  for number = 0, count - 1 do
    local path = string.format(arguments[1], string.format('%012d', number))
    requests[number] = wrk.format('GET', path, { ['Authorization'] = 'Token ' .. arguments[3] })
  end
end

function request()
  at = (at + 7919) % count
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"events":%d,"errors":%d,"seconds":%f,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
