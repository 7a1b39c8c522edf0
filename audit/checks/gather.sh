# Runs on the audited host as dingli-audit, in one bash, and prints every command's output as a record:
#   #record <name> <exit> <started> <ended> <bytes of command> <bytes of stdout> <bytes of stderr>, then the three texts.
# The last line, "#end <records>", proves that nothing was cut off. What only root may read is in the record "facts": the
# output of audit-facts, which is records too, and so in "facts-log". $1 says whether passwords are to be tried;
# `at-rest` is for an image, of which there are only files.
set -u
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
facts=/usr/local/libexec/dingli/audit-facts
count=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

emit() {  # emit NAME STARTED STATUS OUT ERR COMMAND
    printf '#record %s %s %s %s %s %s %s\n%s\n%s\n%s\n' \
        "$1" "$3" "$2" "$EPOCHREALTIME" ${#6} ${#4} ${#5} "$6" "$4" "$5"
    count=$((count + 1))
}
record() {  # record NAME COMMAND...
    local name=$1 out started=$EPOCHREALTIME
    shift
    out=$("$@" 2>"$scratch/errors" </dev/null; printf '\n%s' $?)
    emit "$name" "$started" "${out##*$'\n'}" "${out%$'\n'*}" "$(<"$scratch/errors")" "$*"
}

# Trying passwords takes its time, because every refusal has to wait: beside everything else.
probe=(sudo -n /usr/local/libexec/dingli/credential-probe)
probed=$EPOCHREALTIME
if [ "$1" = try-passwords ]; then
    timeout 200 "${probe[@]}" >"$scratch/probe" 2>"$scratch/probe-errors" </dev/null &
    probe_job=$!
fi

record accounts getent passwd
record login-defs cat /etc/login.defs
record faillock-conf cat /etc/security/faillock.conf
record idle-timeout env -i "HOME=$HOME" TERM=dumb bash -lic 'declare -p TMOUT'
if [ "$1" = at-rest ]; then
    printf '#end %s\n' "$count"
    exit
fi
here=${SSH_CONNECTION:-127.0.0.1}
record facts-sum sha256sum "$facts"
record facts sudo -n "$facts" "${here%% *}"
# May an ordinary account end the programs that write the log? Signal 0 asks, and does nothing.
for program in rsyslogd systemd-journald; do
    record "stop-$program" bash -c "kill -0 \$(pgrep -o -x ${program:0:15})"
done
# Addresses that nobody has (RFC 5737): a network without a way out says so at once.
for address in 198.51.100.1 203.0.113.1; do
    record "outward-$address" timeout 4 bash -c "exec 3<>/dev/tcp/$address/443"
done

if [ "$1" = try-passwords ]; then
    wait "$probe_job"
    status=$?
    emit credential-probe "$probed" "$status" "$(<"$scratch/probe")" "$(<"$scratch/probe-errors")" "${probe[*]}"
fi
record facts-log sudo -n "$facts" log
printf '#end %s\n' "$count"
