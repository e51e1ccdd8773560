-- purpose: says all that is known of one task at one instant, but for its place in a list and who has claimed it
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    id, a dispatcher incarnation or ''
-- RETURNS: {word or false, attempts, crashes, 1 = it has a body, ms until it is due or false, ms since it died or false,
--          failure of its dead letter or false, 1 = it is watched for a late status, 1 = the queue is paused,
--          dispatchers alive, dispatchers known, plain, ready and suspects waiting,
--          ms that the lease of that incarnation is good for or false, elements of it that were cancelled and are still in a
--          list, 1 = the queue is draining, ms since its last report of progress or false, that report,
--          1 = that incarnation was not heard since all were silent}
-- FROM→TO: none
local id = ARGV[1]
local size = lengths()
local now = clock_ms()
local frame, record = call('HGET', BODIES, id), call('HGET', DEAD_BODIES, id)
local failure, letter
if record then
  local feed = string.find(record, '\n', 1, true) or 0
  failure, letter = string.sub(record, 1, math.max(feed - 1, 0)), string.sub(record, feed + 1)
end
local attempts, crashes = string.match(frame or letter or '', '^\1%a(%d+),(%d+),')
local lease = call('ZSCORE', DISPATCHERS, ARGV[2])
local meta = call('HMGET', META, 'paused', 'draining')
local _, cancelled = mark_of(id)
local report = call('HGET', PROGRESS, id) or ''
local reported_ms, said = string.match(report, '^(%d+) (.*)$')
local due, died = call('ZSCORE', DELAYED, id), call('ZSCORE', DEAD, id)
return {
  call('HGET', STATUS, id), tonumber(attempts) or 0, tonumber(crashes) or 0, frame and 1 or 0,
  due and math.floor(due - now), died and math.floor(now - died), failure or false,
  call('ZSCORE', LATE, id) and 1 or 0, meta[1] and 1 or 0,
  call('ZCOUNT', DISPATCHERS, '(' .. now, '+inf'), size.dispatchers, size.plain, size.ready, size.suspects,
  lease and math.floor(lease - now), cancelled or 0, meta[2] and 1 or 0,
  reported_ms and math.floor(now - reported_ms) or false, said or false,
  lease and lease % 1 > 0 and 1 or 0,
}
