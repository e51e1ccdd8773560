#!/usr/bin/env bash
# Redis itself behind the contract of README.md, no dispatcher at all: floor.sh PIPELINE URL COMMAND WARM COUNT LENGTH RATE
# 50 connections push one element a command, or pop it: redis-benchmark as it comes, and with -P 16 as in
# https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/benchmarks/ (Pipelining).
set -euo pipefail
pipeline=$1 url=$2 command=$3
shift 3

case $command in
    version)
        printf '{"version":"%s"}\n' "$(redis-benchmark --version | head -n 1)"
        exit
        ;;
    fill) test=lpush ;;
    drain) test=rpop ;;
    latency) # nobody waits for a task here
        echo '{}'
        exit
        ;;
    *)
        echo "no command is called $command" >&2
        exit 1
        ;;
esac
warm=$1 count=$2 length=$3
host=${url#redis://}

run() { redis-benchmark -h "${host%:*}" -p "${host##*:}" -t "$test" -n "$1" -d "$length" -P "$pipeline" --csv; }

run "$warm" >/dev/null
# The last line of the report is "LPUSH","<calls a second>",…
run "$count" | awk -F'","|"' -v count="$count" 'END { printf "{\"seconds\":%.6f}\n", count / $3 }'
