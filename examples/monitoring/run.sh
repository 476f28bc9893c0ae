#!/usr/bin/env bash
# Tests the alert rules and the dashboard. First, it runs the unit tests of the rules. Then a real Prometheus scrapes
# the program while its server is healthy, flaky, limited, down and healthy again. Each alert must fire and end.
#
# It uses `prometheus` and `promtool` from the path. If they are missing, it unpacks Debian's package. It does not
# install the package, because that would start a service. It exits with an error if a check fails.
set -euo pipefail
cd "$(dirname "$0")"
target=$(cd ../.. && mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
work=$(mktemp -d "$target/monitoring.XXXXXX")
pids=()
trap 'kill "${pids[@]}" 2> /dev/null || true; wait; rm -rf "$work"' EXIT

if ! { command -v prometheus && command -v promtool; } > /dev/null; then
    tools=$target/prometheus
    if [ ! -x "$tools/usr/bin/promtool" ]; then
        command -v apt-get > /dev/null || { echo "monitoring: needs prometheus and promtool" >&2; exit 1; }
        [ "$(id -u)" != 0 ] || apt-get update -qq
        (cd "$work" && apt-get download -qq prometheus 2> /dev/null && dpkg -x prometheus_*.deb "$tools")
    fi
    PATH=$tools/usr/bin:$PATH
fi

promtool check config --lint=all prometheus.yml
promtool test rules rules_test.yml

cargo build --quiet --release -p monitoring
"$target/release/monitoring" 127.0.0.1:0 > "$work/address" 2> "$work/program.log" &
pids+=($!)

# Rules with seconds instead of minutes, and a scrape per second.
sed -e 's/\[5m\]/[10s]/; s/\[15m\]/[15s]/; s/\[1d\]/[60s]/; s/for: 5m/for: 3s/' rules.yml > "$work/rules.yml"
until grep -q http "$work/address"; do kill -0 "${pids[0]}"; sleep 0.1; done
program=$(sed 's,http://\(.*\)/metrics,\1,' "$work/address")
sed -e 's/: 15s/: 1s/' -e "s/127.0.0.1:9600/$program/" prometheus.yml > "$work/prometheus.yml"

# A port on which no program listens.
while port=$((20000 + RANDOM)) && (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do :; done
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" \
    --web.listen-address="127.0.0.1:$port" > "$work/prometheus.log" 2>&1 &
pids+=($!)

query() {
    promtool query instant "http://127.0.0.1:$port" "$1" 2> /dev/null
}

firing() {
    query 'ALERTS{alertstate="firing"}' | sed -n 's/.*alertname="\([^"]*\)".*/\1/p' | sort -u | paste -sd ' '
}

# Waits until a command succeeds, for 40 seconds at most.
await() {
    local what=$1 start=$SECONDS
    shift
    until "$@"; do
        if [ $((SECONDS - start)) -ge 40 ]; then
            echo "monitoring: not within 40 s: $what; firing alerts: $(firing)" >&2
            tail -n 5 "$work"/*.log >&2
            exit 1
        fi
        sleep 0.5
    done
    echo "$what: after $((SECONDS - start)) s"
}

now_fires() {
    local alert
    for alert in "$@"; do [[ " $(firing) " == *" $alert "* ]] || return 1; done
}

# Asks for a sample that is there, too, because a Prometheus that does not answer reports no alerts.
nothing_fires() {
    local alerts
    has 'up == 1' && alerts=$(firing) && [ -z "$alerts" ]
}

# Sends an HTTP request to the program, and prints the response with its headers.
request() {
    exec 3<> "/dev/tcp/${program%:*}/${program#*:}"
    printf '%s HTTP/1.0\r\n\r\n' "$1" >&3
    cat <&3
    exec 3>&-
}

# Sets the mode of the server.
choose() {
    request "POST /mode/$1" | grep -q '204 No Content'
    echo "the server is $1"
}

has() {
    [ -n "$(query "$1")" ]
}

choose healthy
await "Prometheus scrapes the program" has 'up == 1'
await "the ratios are computed" has 'operation:retry_calls:failure_ratio'
sleep 5
nothing_fires || { echo "monitoring: alerts fire although the server is healthy: $(firing)" >&2; exit 1; }
choose flaky
await "retries are frequent" now_fires RetryRateHigh
has 'up == 1' && ! now_fires CircuitOpenForLong || { echo "monitoring: a flaky server opened the circuit" >&2; exit 1; }
choose limited
await "attempts fail with other errors than before" now_fires ErrorMixUnusual
choose down
await "the circuit opened, calls fail, letters are lost" \
    now_fires CircuitOpenForLong FailuresAfterRetries DeadLettersGrow DeadLettersLost

# The refusals have the name of the circuit, so the alert sees them.
await "the circuit named stock refuses calls, and its alert fires" \
    has 'ALERTS{alertname="CircuitOpenForLong", circuit="stock", alertstate="firing"}
         and on (circuit) sum by (circuit) (rate(retry_refusals_total{operation="stock.read"}[10s])) > 0'

request "GET /metrics" | sed '1,/^\r$/d' | promtool check metrics

# Each query of the dashboard must find data. The variables are filled in first.
missing=0 queries=0
while read -r expr; do
    queries=$((queries + 1))
    has "$expr" || { echo "monitoring: no data for $expr" >&2; missing=1; }
done < <(sed -n 's/^ *"expr": "\(.*\)",$/\1/p' dashboard.json |
    sed 's/\\"/"/g; s/\$__rate_interval/10s/g; s/\$[a-z]*"/.*"/g; s/ > 0$//')
if [ "$missing" = 1 ] || [ "$queries" -lt 20 ]; then
    exit 1
fi
echo "$queries queries of the dashboard find data"

choose healthy
await "all alerts have ended" nothing_fires

# The last check fails without Prometheus.
kill "${pids[1]}"
wait "${pids[1]}" || true
! nothing_fires || { echo "monitoring: without Prometheus, the check of ended alerts passes" >&2; exit 1; }
