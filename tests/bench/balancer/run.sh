#!/bin/bash
# Compares berth-balancer with HAProxy and nginx on this machine: each with one worker, before the same nginx, with the same load over
# loopback, in interleaved rounds. Prints processor microseconds per request of the proxy (user and system, from /proc/PID/stat)
# and, for each scenario, the ratios to HAProxy: the median of the rounds' (1.00 = equal, lower is better).
#
#   tests/bench/balancer/run.sh BUILD_DIR [ROUNDS [SECONDS [SCENARIO...]]]     # a release build; 7 rounds of 3 s, all scenarios
#
# Scenarios: small one new 64k 1m post tls tls-64k handshake h2 h2-many tcp tcp-new tcp-1m (see `scenario` below). HAPROXY=PATH takes another HAProxy. Needs
# haproxy, nginx, wrk, h2load (nghttp2-client) and openssl. The proxies run on CPU 0, load and target on CPU 1, where there are two.
# Absolute figures say little on a busy machine; the interleaved ratios say more.
set -euo pipefail
build=${1:?usage: run.sh BUILD_DIR [ROUNDS [SECONDS [SCENARIO...]]]}
rounds=${2:-7}
seconds=${3:-3}
scenarios=("${@:4}")
[ ${#scenarios[@]} -gt 0 ] || scenarios=(small one new 64k 1m post tls tls-64k handshake h2 h2-many tcp tcp-new tcp-1m)
haproxy=${HAPROXY:-haproxy}
for program in "$haproxy" nginx wrk h2load openssl curl; do
  command -v "$program" >/dev/null || { echo "run.sh: $program is not here" >&2; exit 1; }
done
# taskset becomes the program, so that its pid is the program's.
here=() there=()
[ "$(nproc)" -gt 1 ] && here=(taskset -c 0) there=(taskset -c 1)

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
target=$(free_port) admin=$(free_port)
declare -A plain secure stream pid
for proxy in berth haproxy nginx; do plain[$proxy]=$(free_port) secure[$proxy]=$(free_port) stream[$proxy]=$(free_port); done

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench -addext subjectAltName=DNS:bench \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
cat "$work/cert.pem" "$work/key.pem" > "$work/both.pem"
chmod 755 "$work"  # the target runs as another user
mkdir "$work/www" "$work/nginx"
head -c 65536 /dev/zero > "$work/www/64k"
head -c 1048576 /dev/zero > "$work/www/1m"
nginx_head() {
  echo "worker_processes 1; daemon off; pid $work/$1.pid; error_log $work/$1.log crit; events { worker_connections 8192; }"
}
temporary() {
  for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $work/$1-$kind;"; done
}
cat > "$work/target.conf" <<CONF
$(nginx_head target)
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; $(temporary target) client_max_body_size 1m;
  server { listen 127.0.0.1:$target; root $work/www; location = /small { return 200 "$(printf '%0128d' 0)"; } } }
CONF
cat > "$work/nginx.conf" <<CONF
$(nginx_head nginx)
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; $(temporary nginx) client_max_body_size 1m;
  upstream b { server 127.0.0.1:$target; keepalive 256; }
  server { listen 127.0.0.1:${plain[nginx]}; listen 127.0.0.1:${secure[nginx]} ssl http2; http2_max_concurrent_streams 128;
    ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_protocols TLSv1.3;
    location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;
      proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for; proxy_set_header Host \$host; } } }
CONF
cat > "$work/haproxy.cfg" <<CONF
global
  nbthread 1
  maxconn 4096
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 10s
  http-reuse always
  option forwardfor
  option splice-response
frontend f
  bind 127.0.0.1:${plain[haproxy]}
  bind 127.0.0.1:${secure[haproxy]} ssl crt $work/both.pem alpn h2,http/1.1
  default_backend b
backend b
  server s 127.0.0.1:$target
listen t
  mode tcp
  option splice-auto
  bind 127.0.0.1:${stream[haproxy]}
  server s 127.0.0.1:$target
CONF
forward='"default_action": {"type": "forward", "forward": {"target_groups": [{"target_group": "tg"}]}}'
cat > "$work/balancer.json" <<CONF
{"version": 1,
 "listeners": [{"id": "web", "address": "127.0.0.1", "port": ${plain[berth]}, $forward},
   {"id": "tcp", "address": "127.0.0.1", "port": ${stream[berth]}, "protocol": "tcp", ${forward/tg/tcp}},
   {"id": "secure", "address": "127.0.0.1", "port": ${secure[berth]}, $forward, "protocol": "https",
    "tls": {"policy": "ELBSecurityPolicy-TLS13-1-3-2021-06", "certificates": ["c"]}}],
 "certificates": [{"id": "c", "chain_file": "cert.pem", "key_file": "key.pem"}],
 "target_groups": [{"id": "tg", "health_check": {"enabled": false},
   "targets": [{"address": "127.0.0.1", "port": $target}]},
  {"id": "tcp", "protocol": "tcp", "health_check": {"enabled": false},
   "targets": [{"address": "127.0.0.1", "port": $target}]}]}
CONF
"${there[@]}" nginx -c "$work/target.conf" -p "$work/" & pids+=($!)
"${here[@]}" nginx -c "$work/nginx.conf" -p "$work/" & pids+=($!)
"${here[@]}" "$haproxy" -db -f "$work/haproxy.cfg" >/dev/null 2>&1 & pid[haproxy]=$! pids+=($!)
"${here[@]}" "$build/balancer/app/berth-balancer" --config "$work/balancer.json" --workers 1 --admin "127.0.0.1:$admin" \
  2> "$work/berth.log" & pid[berth]=$! pids+=($!)
for proxy in berth haproxy nginx; do
  for url in "http://127.0.0.1:${plain[$proxy]}/small" "https://127.0.0.1:${secure[$proxy]}/small"; do
    for _ in $(seq 100); do curl -kfso /dev/null "$url" && break; sleep 0.1; done
    curl -kfso /dev/null "$url" || { echo "run.sh: $proxy does not answer at $url" >&2; cat "$work"/*.log >&2; exit 1; }
  done
done
pid[nginx]=$(pgrep -P "$(cat "$work/nginx.pid")" | head -1)  # its worker

# CPU ticks (user + system) of a process, all threads.
ticks() { awk '{sub(/.*\) /, ""); print $12 + $13}' "/proc/$1/stat"; }
hertz=$(getconf CLK_TCK)
head -c 16384 /dev/zero | tr '\0' x > "$work/body"
printf 'wrk.method = "POST"\nlocal f = io.open("%s")\nwrk.body = f:read("*a")\n' "$work/body" > "$work/post.lua"
echo 'wrk.headers["Connection"] = "close"' > "$work/close.lua"

# The load of one scenario on one proxy; prints the requests that were answered.
scenario() {  # name proxy
  local http="http://127.0.0.1:${plain[$2]}" https="https://127.0.0.1:${secure[$2]}" tcp="http://127.0.0.1:${stream[$2]}"
  local wrk="${there[*]} timeout $((seconds + 20)) wrk -t1 -d${seconds}s" h2load="${there[*]} timeout 60 h2load -t1"
  case "$1" in
    small) $wrk -c64 "$http/small" ;;                              # HTTP/1.1 keep-alive, 128 B
    one) $wrk -c1 "$http/small" ;;                                 # the same, one connection
    new) $wrk -c64 -s "$work/close.lua" "$http/small" ;;           # a client connection per request
    64k) $wrk -c32 "$http/64k" ;;
    1m) $wrk -c8 "$http/1m" ;;
    post) $wrk -c64 -s "$work/post.lua" "$http/small" ;;           # 16 KiB
    tls) $wrk -c64 "$https/small" ;;                               # TLS 1.3 keep-alive
    tls-64k) $wrk -c32 "$https/64k" ;;
    handshake) $wrk -c32 -s "$work/close.lua" "$https/small" ;;    # a TLS handshake per request
    h2) $h2load -n 9900 -c1 -m100 "$https/small" ;;                # HTTP/2 over TLS; one connection has 10,000 requests at most
    h2-many) $h2load -n 30000 -c32 -m4 "$https/small" ;;
    tcp) $wrk -c64 "$tcp/small" ;;                                 # the same over TCP listeners, which look at nothing
    tcp-new) $wrk -c64 -s "$work/close.lua" "$tcp/small" ;;        # a flow per request
    tcp-1m) $wrk -c8 "$tcp/1m" ;;
    *) echo "run.sh: no scenario '$1'" >&2; return 1 ;;
  esac > "$work/load.out" 2>&1 || { cat "$work/load.out" >&2; return 1; }
  if grep -qE 'Non-2xx' "$work/load.out"; then grep -E 'Non-2xx' "$work/load.out" >&2; fi
  awk '/requests in/ {print $1} /^requests:/ {print $8}' "$work/load.out"
}

printf '%-10s %-8s %14s\n' scenario proxy cpu_us/request
for name in "${scenarios[@]}"; do
  for _ in $(seq "$rounds"); do
    for proxy in haproxy berth nginx; do
      [[ $name == tcp* && $proxy == nginx ]] && continue  # Debian's has no stream module
      before=$(ticks "${pid[$proxy]}")
      requests=$(scenario "$name" "$proxy")
      after=$(ticks "${pid[$proxy]}")
      awk -v s="$name" -v p="$proxy" -v t=$((after - before)) -v q="$requests" -v h="$hertz" \
        'BEGIN {printf "%-10s %-8s %14.2f\n", s, p, t / h * 1e6 / (q > 0 ? q : 1)}'
    done
  done
done | tee "$work/rows"
python3 - "$work/rows" <<'PY'
import collections
import statistics
import sys

rows = collections.defaultdict(lambda: collections.defaultdict(list))
for line in open(sys.argv[1]):
    name, proxy, cost = line.split()
    rows[name][proxy].append(float(cost))
print("\nratio to HAProxy, processor time per request, median of rounds\n")
print(f"{'scenario':10} {'haproxy us':>10} {'berth':>6} {'nginx':>6}")
for name, proxies in rows.items():
    pairs = {p: [a / b for a, b in zip(proxies[p], proxies["haproxy"]) if b] or [float("nan")] for p in proxies}
    ratio = {p: statistics.median(pairs[p]) for p in proxies}
    print(f"{name:10} {statistics.median(proxies['haproxy']):10.1f} {ratio['berth']:6.2f} {ratio.get('nginx', float('nan')):6.2f}")
PY
