-- purpose: fires ticks of schedules: makes their tasks and sets the next due time, if nobody else has done so before
-- KEYS:    the queue's keys (common.lua), the schedules' records, due times and bodies
-- ARGV:    n, then n times: name, the version and the due time in ms that are meant, the next due time ('' = never), the
--          tick that is the last now in ms ('' = it stays), the id of the task that must not live any more ('' = any may),
--          k, k ids of tasks
-- RETURNS: {n times a code}: 0 fired; 1 it is another or was fired already; 2 the queue is draining: it stays due;
--          3 left out, for the task before lives; 4 it has no body: it stays due; 5 not looked at, for there is no room in
--          this call
-- FROM→TO: new→QUEUED, DEAD→QUEUED
local SCHEDULES, SCHEDULES_DUE, SCHEDULES_BODIES = unpack(KEYS, 16)
local size = lengths()
local meta = call('HMGET', META, 'delivery', 'draining', 'events')
local at_most_once, draining = meta[1] == 'at-most-once', meta[2]
local now = clock_ms()
hear(meta[3], now)
local reply, bytes, at = {}, 0, 2

local function is_meant(record, due, meant_version, meant_due)
  return due and tonumber(due) == tonumber(meant_due) and string.match(record or '', RECORD) == meant_version
end

-- The read half of one schedule, and then its writes.
local function fire(name, meant_version, meant_due, next_due, last_tick, predecessor, ids)
  local record, due = call('HGET', SCHEDULES, name), call('ZSCORE', SCHEDULES_DUE, name)
  if not is_meant(record, due, meant_version, meant_due) then
    return 1
  elseif draining then
    return 2
  elseif bytes > 0 and bytes + #ids * call('HSTRLEN', SCHEDULES_BODIES, name) > MOST_BYTES then
    return 5
  end
  local body = call('HGET', SCHEDULES_BODIES, name)
  if not body then
    return 4
  end
  body = begun(body, now)
  local skips = predecessor ~= '' and #ids > 0
    and is_live(predecessor, call('HGET', STATUS, predecessor), size, at_most_once)
  if not skips then
    for i = 1, #ids do
      put_in(ids[i], body, size, at_most_once)
    end
    bytes = bytes + #ids * #body
    if last_tick ~= '' then
      local version, state, _, origin, rule = string.match(record, RECORD)
      call('HSET', SCHEDULES, name, table.concat({ version, state, last_tick, origin, rule }, '\t'))
    end
  end
  call('ZADD', SCHEDULES_DUE, next_due == '' and '+inf' or next_due, name)
  return skips and 3 or 0
end

for i = 1, tonumber(ARGV[1]) do
  local k = tonumber(ARGV[at + 6])
  local ids = { unpack(ARGV, at + 7, at + 6 + k) }
  reply[i] = fire(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ids)
  at = at + 7 + k
end
tell_moves(now)
return reply
