#!/usr/bin/env bash
# Prints how soon the standalone dispatcher handles its first task, and how much memory it takes: idle, and with up to
# 10,000 tasks in flight on a handler that waits 10 ms without a thread. Linux only: it reads /proc.
#
#   mvn -q -DskipTests package && benchmarks/footprint.sh
#   JAVA_OPTS="-XX:+UseSerialGC -Xmx128m" benchmarks/footprint.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jar=target/sluice-server.jar
tasks=${TASKS:-500000}
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
[ -f "$jar" ] || { echo "build it first: mvn -q -DskipTests package" >&2; exit 2; }

# The shell's own clock and reading, here and below: a process for each look would take the time that is measured.
now_ms() { now=$((${EPOCHREALTIME/[.,]/} / 1000)); }
rss_mb() { awk -v key="$1:" '$1 == key { printf "%d", $2 / 1024 }' "/proc/$server/status"; }
reset_peak() { echo 5 >"/proc/$server/clear_refs"; }

cat >"$work/footprint.yaml" <<'YAML'
queues:
  task_queue: { status-key: task_status, concurrency: 10000, default-type: noop }
YAML

mkfifo "$work/out"
now_ms && begun=$now
# shellcheck disable=SC2086 # several options may be in there
java ${JAVA_OPTS:-} -jar "$jar" run --config "$work/footprint.yaml" --redis embedded >"$work/out" 2>"$work/err" &
server=$!
exec 4<"$work/out"
port=
while read -r line <&4; do
    if [[ $line =~ started\ on\ 127\.0\.0\.1:([0-9]+) ]]; then
        port=${BASH_REMATCH[1]}
        exec 3<>"/dev/tcp/127.0.0.1/$port"
        printf 'RPUSH task_queue "{\\"id\\":\\"first\\"}"\r\n' >&3
        exec 3>&-
    elif [[ $line == *'  first  noop  attempt 1  succeeded'* ]]; then
        now_ms
        break
    fi
done
[[ $line == *'  first  '* ]] || { cat "$work/err" >&2; exit 1; }
echo "first task handled    $((now - begun)) ms after java -jar, the start of the embedded Redis included"
cat <&4 >/dev/null & # nobody else reads on

sleep 10
idle=$(rss_mb VmRSS)
echo "idle                  $idle MB resident"

reset_peak
now_ms && begun=$now
seq "$tasks" | sed 's/.*/{"payload":{"ms":10}}/' \
    | java -jar "$jar" enqueue task_queue sleep --lines - --redis "redis://127.0.0.1:$port" >"$work/enqueued" 2>&1 \
    || { cat "$work/enqueued" >&2; exit 1; }
exec 3<>"/dev/tcp/127.0.0.1/$port"
while printf 'HLEN task_status\r\n' >&3 && read -r left <&3 && [ "${left//[^0-9]/}" != 0 ]; do sleep 0.1; done
exec 3>&-
now_ms && took=$((now - begun))
peak=$(rss_mb VmHWM)
echo "up to 10,000 running  $peak MB resident at most while $tasks tasks of 10 ms ran, $((peak - idle)) MB more"
echo "rate                  $((tasks * 1000 / took)) tasks/s from the start of the producer, enqueueing included"
