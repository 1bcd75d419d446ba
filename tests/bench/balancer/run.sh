#!/bin/bash
# Compares berth-balancer with HAProxy on this machine: both with one worker, before the same nginx, loaded by wrk over
# loopback, in interleaved rounds. Prints requests per second, CPU microseconds per request of the proxy process (user and
# system, from /proc/PID/stat) and their ratios (1.00 = equal, lower is better for Berth).
#
#   tests/bench/balancer/run.sh BUILD_DIR [ROUNDS [SECONDS]]      # BUILD_DIR: a release build; 5 rounds of 5 s by default
#
# Needs wrk, haproxy and nginx. Absolute figures say little on a busy machine; the interleaved ratios say more.
set -euo pipefail
build=${1:?usage: run.sh BUILD_DIR [ROUNDS [SECONDS]]}
rounds=${2:-5}
seconds=${3:-5}
connections=${CONNECTIONS:-64}
path=${REQUEST_PATH:-/small}
work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
target=$(free_port) berth=$(free_port) rival=$(free_port) admin=$(free_port)

mkdir "$work/www" && head -c 100000 /dev/zero > "$work/www/large"
cat > "$work/nginx.conf" <<CONF
worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/nginx.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;
  client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
  uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen 127.0.0.1:$target; root $work/www; location = /small { return 200 "hello world\n"; } } }
CONF
cat > "$work/haproxy.cfg" <<CONF
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 10s
  http-reuse always
  option forwardfor
frontend f
  bind 127.0.0.1:$rival
  default_backend b
backend b
  server s 127.0.0.1:$target
CONF
cat > "$work/balancer.json" <<CONF
{"version": 1,
 "listeners": [{"id": "web", "address": "127.0.0.1", "port": $berth, "default_action":
   {"type": "forward", "forward": {"target_groups": [{"target_group": "tg"}]}}}],
 "target_groups": [{"id": "tg", "health_check": {"enabled": false},
   "targets": [{"address": "127.0.0.1", "port": $target}]}]}
CONF
nginx -c "$work/nginx.conf" & pids+=($!)
haproxy -db -f "$work/haproxy.cfg" >/dev/null 2>&1 & haproxy_pid=$!; pids+=($haproxy_pid)
"$build/balancer/app/berth-balancer" --config "$work/balancer.json" --workers 1 --admin "127.0.0.1:$admin" \
  2> "$work/berth.log" & berth_pid=$!; pids+=($berth_pid)
for port in "$target" "$berth" "$rival"; do
  for _ in $(seq 100); do curl -fso /dev/null "http://127.0.0.1:$port$path" && break; sleep 0.1; done
done

# CPU ticks (user + system) of a process, all threads.
ticks() { awk '{sub(/.*\) /, ""); print $12 + $13}' "/proc/$1/stat"; }
hertz=$(getconf CLK_TCK)

measure() {  # name pid port
  local before after requests rate
  before=$(ticks "$2")
  wrk -t1 -c"$connections" -d"${seconds}s" "http://127.0.0.1:$3$path" > "$work/wrk.out"
  after=$(ticks "$2")
  requests=$(awk '/requests in/ {print $1}' "$work/wrk.out")
  rate=$(awk '/Requests\/sec/ {print $2}' "$work/wrk.out")
  if grep -qE 'Non-2xx|Socket errors' "$work/wrk.out"; then grep -E 'Non-2xx|Socket errors' "$work/wrk.out" >&2; fi
  awk -v n="$1" -v r="$rate" -v t=$((after - before)) -v q="$requests" -v h="$hertz" \
    'BEGIN {printf "%s %.0f %.2f\n", n, r, t / h * 1e6 / q}'
}

printf '%-8s %12s %14s\n' proxy requests/s cpu_us/request
for _ in $(seq "$rounds"); do
  measure haproxy "$haproxy_pid" "$rival"
  measure berth "$berth_pid" "$berth"
done | tee "$work/rows"
awk '{rate[$1] += $2; cpu[$1] += $3; n[$1]++}
     END {for (p in n) printf "mean %-8s %10.0f requests/s %8.2f us/request\n", p, rate[p] / n[p], cpu[p] / n[p];
          printf "ratio berth/haproxy: throughput %.2f, cpu per request %.2f\n",
                 rate["berth"] / rate["haproxy"], cpu["berth"] / cpu["haproxy"]}' "$work/rows"
