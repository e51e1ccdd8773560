-- purpose: declares a schedule of a queue, changes it, removes it, or makes its task at once
-- KEYS:    the queue's keys (common.lua), the schedules' records, due times and bodies
-- ARGV:    the verb, the schedule's name, and for
--          put      whom it may replace ('' nobody, a tab everybody, or those of one origin), origin, rule, body, first due time
--                   in ms ('' = never), most schedules of a queue
--          remove   the origin whose it must be ('' = any)
--          pause    nothing
--          resume   the version that is meant, next due time in ms ('' = never)
--          trigger  id of the task
-- RETURNS: {code, the record that was there or ''}
--          0 done; 1 there is none; 2 it was so already; 3 there is another, or another version; 4 there are too many;
--          5 the queue is draining; 6 the first tick that was given has fired meanwhile: count anew
-- FROM→TO: new→QUEUED, DEAD→QUEUED
local SCHEDULES, SCHEDULES_DUE, SCHEDULES_BODIES = unpack(KEYS, 16)
local verb, name = ARGV[1], ARGV[2]
local size = lengths()
local count = call('HLEN', SCHEDULES)
local due = string.match(call('ZSCORE', SCHEDULES_DUE, name) or '', '^%d+$') -- anything else no script has written
local body = call('HGET', SCHEDULES_BODIES, name)
local record = call('HGET', SCHEDULES, name)
local version, state, last, origin, rule = string.match(record or '', RECORD)
if not (state == 'active' or state == 'paused') then
  version, state, last, origin, rule = nil, nil, nil, nil, nil -- as for whoever fires it
end

local function write(its_state, its_last, its_origin, its_rule)
  local counted, number = pcall(call, 'HINCRBY', META, 'schedules', 1)
  local its_version = counted and number or string.format('%.0f', clock_ms()) -- what is no number must stop no pause
  call('HSET', SCHEDULES, name, table.concat({ its_version, its_state, its_last, its_origin, its_rule }, '\t'))
end

local function set_due(due_ms)
  call('ZADD', SCHEDULES_DUE, due_ms == '' and '+inf' or due_ms, name) -- never, too, has its place: lists go by it
end

local function timing(its_rule)
  return string.match(its_rule or '', '^[^\t]*\t([^\t]*)')
end

-- Whether a tick has fired since somebody counted which is the first. A last one that far ahead is of a wrong clock.
local function is_over(first_due, last_tick)
  local first, fired = tonumber(first_due), tonumber(last_tick)
  return first and fired and first <= fired and fired < clock_ms() + WRONG_CLOCK_MS
end

local verbs = {}

function verbs.put(may_replace, new_origin, new_rule, new_body, first_due, most)
  if record and rule == new_rule and body == new_body and (due or state == 'paused') then
    if may_replace == '\t' and origin ~= new_origin then
      call('HSET', SCHEDULES, name, table.concat({ version, state, last, new_origin, rule }, '\t')) -- it is whose word was last
    end
    return 2
  elseif record and (version or may_replace == '') and may_replace ~= '\t' and may_replace ~= origin then
    return 3 -- but what cannot be read is nobody's, and is declared anew by whoever declares
  elseif not record and count >= tonumber(most) then
    return 4
  end
  local stays = due and timing(rule) == timing(new_rule) -- at the same times what is overdue stays so, whatever else is new
  if not stays and state == 'active' and is_over(first_due, last) then
    return 6
  end
  write(state or 'active', last or '', new_origin, new_rule)
  call('HSET', SCHEDULES_BODIES, name, new_body)
  if not stays then
    set_due(state == 'paused' and '' or first_due)
  end
  return 0
end

function verbs.remove(only_of)
  if not record or (only_of ~= '' and only_of ~= origin) then
    return 1
  end
  call('HDEL', SCHEDULES, name)
  call('HDEL', SCHEDULES_BODIES, name)
  call('ZREM', SCHEDULES_DUE, name)
  return 0
end

function verbs.pause()
  if not version then
    return 1
  elseif state == 'paused' then
    return 2
  end
  call('HDEL', META, '') -- first: a full Redis takes it, so that what fills it can be stopped (R5)
  set_due(due or '') -- as it is: a right that is missing shows before it is called paused, and not when half of it is done
  write('paused', last, origin, rule)
  set_due('')
  return 0
end

function verbs.resume(meant, next_due)
  if not version then
    return 1
  elseif state ~= 'paused' then
    return 2
  elseif version ~= meant then
    return 3
  end
  write('active', last, origin, rule)
  set_due(next_due)
  return 0
end

function verbs.trigger(id)
  local meta = call('HMGET', META, 'delivery', 'draining', 'events')
  if not record or not body then
    return 1
  elseif meta[2] then
    return 5
  end
  local now = clock_ms()
  hear(meta[3], now)
  put_in(id, begun(body, now), size, meta[1] == 'at-most-once')
  tell_moves(now)
  return 0
end

return { verbs[verb](unpack(ARGV, 3)), record or '' }
