# Runs on the audited host as dingli-audit, in one bash, and prints every command's output as a record:
#   #record <name> <exit> <started> <ended> <bytes of command> <bytes of stdout> <bytes of stderr>, then the three texts.
# The last line, "#end <records>", proves that nothing was cut off. Nothing but the commands themselves forks, because
# an emulated host needs a second for each.
set -u
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
count=0
errors=$(mktemp) || exit 1
trap 'rm -f "$errors"' EXIT

record() {  # record NAME COMMAND...
    local name=$1 command out err status started=$EPOCHREALTIME ended
    shift
    command=$*
    out=$("$@" 2>"$errors" </dev/null; printf '\n%s' $?)
    ended=$EPOCHREALTIME
    status=${out##*$'\n'}
    out=${out%$'\n'*}
    err=$(<"$errors")
    printf '#record %s %s %s %s %s %s %s\n%s\n%s\n%s\n' \
        "$name" "$status" "$started" "$ended" ${#command} ${#out} ${#err} "$command" "$out" "$err"
    count=$((count + 1))
}

record accounts getent passwd
record password-states sudo -n /usr/bin/passwd -S -a
record login-defs cat /etc/login.defs
record faillock-conf cat /etc/security/faillock.conf
record listeners ss -H -lntu
record idle-timeout env -i "HOME=$HOME" TERM=dumb bash -lic 'declare -p TMOUT'
record sshd-match sudo -n /usr/bin/grep -rih match /etc/ssh/sshd_config /etc/ssh/sshd_config.d
# What sshd would do for root and each account that has a shell, seen from here and from an address that nobody has.
here=${SSH_CONNECTION:-127.0.0.1}
here=${here%% *}
while IFS=: read -r account _ _ _ _ _ shell; do
    case $account:$shell in
        root:*) ;;
        *:*/nologin | *:*/false | *:*/true | *:*/sync) continue ;;
    esac
    for address in "$here" 192.0.2.1; do
        place=inside
        if [ "$address" = 192.0.2.1 ]; then place=outside; fi
        record "sshd-$place-$account" sudo -n /usr/sbin/sshd -T -C "user=$account,host=$HOSTNAME,addr=$address"
    done
done < <(getent passwd)
printf '#end %s\n' "$count"
