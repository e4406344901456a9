#!/usr/bin/env bash
# A Slurm of one node on this machine, for tests: munged, slurmctld and slurmd on loopback, without
# systemd, cgroups or accounting, run by the user who calls this. Debian packages: munge, slurm-wlm.
#
#   slurm.sh start FOLDER     all files lie in FOLDER, which is new; then SLURM_CONF=FOLDER/slurm.conf
#   slurm.sh lose FOLDER      the node goes without a word, and with it all that runs there
#   slurm.sh return FOLDER    it is back
#   slurm.sh stop FOLDER      all jobs are cancelled, all processes end
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin
action=${1:?start, lose, return or stop}
folder=$(realpath "${2:?a folder}")
export SLURM_CONF=$folder/slurm.conf

configure() {
  mkdir -p "$folder"/{munge,state,spool}
  chmod 755 "$folder" "$folder"/munge # clients reach munged's socket
  head -c 1024 /dev/urandom > "$folder"/munge/key
  chmod 600 "$folder"/munge/key
  local host ports
  host=$(uname -n | cut -d. -f1)
  # Two ports that nobody has.
  read -r -a ports < <(python3 -c '
import socket
found = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in found))')
  # The GPUs of this Slurm are two files; it hands them out all the same.
  touch "$folder"/gpu{0,1}
  echo "Name=gpu File=$folder/gpu[0-1]" > "$folder"/gres.conf
  # Snakemake's jobs start srun without the variable SLURM_CONF: let this one be first in PATH.
  mkdir "$folder"/bin
  printf '#!/bin/sh\nSLURM_CONF=%q exec %q "$@"\n' "$SLURM_CONF" "$(command -v srun)" > "$folder"/bin/srun
  chmod 755 "$folder"/bin/srun
  cat > "$SLURM_CONF" << END
ClusterName=test
# Addresses are given, so the host's name need not resolve.
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
GresTypes=gpu
NodeName=node NodeHostname=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=8000 Gres=gpu:2
PartitionName=cpu Nodes=node Default=YES MaxTime=1440
PartitionName=gpu Nodes=node MaxTime=1440
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
# CPUs and memory are counted out; nothing holds a job to them.
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
# No waiting: jobs start at once, a lost node is noticed in seconds and serves when it is back.
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SlurmdTimeout=6
ReturnToService=2
KillWait=2
# squeue shows a finished job until Snakemake has asked for it.
MinJobAge=600
END
}

await() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" > /dev/null 2>&1; do
    if ((SECONDS >= end)); then
      echo "slurm.sh: in vain: $*" >&2
      tail -n 20 "$folder"/munge/log "$folder"/*.log >&2
      exit 1
    fi
    sleep 0.1
  done
}

node_serves() { sinfo --noheader --nodes node --format %t | grep -qxE 'idle|mix|alloc'; }
no_jobs() { [[ -z $(squeue --noheader) ]]; }
gone() { ! kill -0 "$@" || [[ -z $(ps --no-headers --pid "$1" --format state | grep -v Z) ]]; }

start_node() {
  slurmd
  await 30 node_serves
}

end_daemon() { # NAME SIGNAL
  local pid
  pid=$(cat "$folder/$1.pid" 2> /dev/null) || return 0
  kill "$2" "$pid" 2> /dev/null || return 0
  await 30 gone "$pid"
  rm -f "$folder/$1.pid"
}

family() { # PID: all that it has started, and itself
  local child
  for child in $(pgrep --parent "$1"); do family "$child"; done
  echo "$1"
}

lose_node() {
  end_daemon slurmd -KILL
  local step
  for step in $(pgrep --full '^slurmstepd: '); do
    # One works in the folder of the log of its slurmd.
    [[ $(readlink "/proc/$step/cwd") != "$folder" ]] || kill -KILL $(family "$step") || true
  done
}

case $action in
  start)
    configure
    munged --force --key-file="$folder"/munge/key --seed-file="$folder"/munge/seed \
      --socket="$folder"/munge/socket --pid-file="$folder"/munged.pid --log-file="$folder"/munge/log
    slurmctld -i
    await 30 scontrol ping
    start_node
    ;;
  lose) lose_node ;;
  return) start_node ;;
  stop)
    scancel --user="$(id -un)" || true
    await 30 no_jobs || true
    lose_node
    end_daemon slurmctld -TERM
    end_daemon munged -TERM
    ;;
  *)
    echo "slurm.sh: found $action; allowed: start, lose, return, stop" >&2
    exit 2
    ;;
esac
