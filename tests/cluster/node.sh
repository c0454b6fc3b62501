#!/usr/bin/env bash
# A Slurm of one node on this machine, for the tests: node.sh install | conf | start | stop | status. As root, on Debian or Ubuntu, without systemd.
#
# Four CPUs and four GPUs are claimed, whatever the machine has, so that four tasks run at once. No cgroup is used: nothing is enforced but time.
# Partitions, all of the one node:
#   gpu     the default; its jobs are preempted by requeuing them
#   spare   its jobs are preempted by asking them to end: TERM, then GraceTime seconds, then KILL
#   brief   the same without a grace
#   urgent  preempts the others
set -euo pipefail

user=${AGEREPRO_SLURM_USER:-slurmtest}
node=$(hostname -s)
pids=/run/slurm
state=/var/lib/slurm
logs=/var/log/slurm

install_packages() {
  if command -v slurmctld slurmd sbatch munged setpriv >/dev/null; then return; fi
  # The packages try to start the daemons, which is refused where there is no init: no harm.
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -y -q --no-install-recommends slurmctld slurmd slurm-client munge
}

configure() {
  getent passwd "$user" >/dev/null || useradd --create-home --shell /bin/bash "$user"
  grep -qw "$node" /etc/hosts || echo "127.0.0.1 $node" >>/etc/hosts
  install -d -m 755 /etc/slurm "$state/slurmd"
  install -d -m 755 -o slurm -g slurm "$state/slurmctld" "$logs"
  # A GPU is a character device of its own to Slurm, and nothing opens it: four like /dev/null.
  for number in 0 1 2 3; do
    [ -c "/dev/fakegpu$number" ] || mknod -m 666 "/dev/fakegpu$number" c 1 3
  done
  echo "NodeName=$node Name=gpu File=/dev/fakegpu[0-3]" >/etc/slurm/gres.conf
  # cred_expire: a requeued job waits so long, two minutes unless told otherwise.
  cat >/etc/slurm/slurm.conf <<END
ClusterName=onenode
SlurmctldHost=$node(127.0.0.1)
SlurmUser=slurm
AuthType=auth/munge
AuthInfo=cred_expire=5
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
SlurmctldPidFile=$pids/slurmctld.pid
SlurmdPidFile=$pids/slurmd.pid
StateSaveLocation=$state/slurmctld
SlurmdSpoolDir=$state/slurmd
SlurmctldLogFile=$logs/slurmctld.log
SlurmdLogFile=$logs/slurmd.log
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=256
EnforcePartLimits=ALL
MinJobAge=300
KillWait=10
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName=$node NodeAddr=127.0.0.1 CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=8000 Gres=gpu:4
PartitionName=DEFAULT Nodes=ALL DefaultTime=10 MaxTime=120 State=UP
PartitionName=gpu Default=YES PriorityTier=1 PreemptMode=REQUEUE
PartitionName=spare PriorityTier=1 PreemptMode=CANCEL GraceTime=20
PartitionName=brief PriorityTier=1 PreemptMode=CANCEL
PartitionName=urgent PriorityTier=2 PreemptMode=OFF
END
}

# What a daemon's pid file names, where that process lives.
running() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && [ -d "/proc/$pid" ] && echo "$pid"
}

# bounded SECONDS COMMAND...: until the command says yes.
bounded() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

signed() { munge -n | unmunge; }
gone() { ! running "$1"; }
ready() { timeout 5 sinfo -h -o %T | grep -qE '^(idle|mixed|allocated)$'; }

start() {
  install -d -m 755 "$pids"
  install -d -m 755 -o munge -g munge /run/munge
  running /run/munge/munged.pid >/dev/null || setpriv --reuid munge --regid munge --clear-groups munged
  bounded 10 signed || { echo "munge does not sign: see /var/log/munge" >&2; return 1; }
  running "$pids/slurmctld.pid" >/dev/null || slurmctld
  running "$pids/slurmd.pid" >/dev/null || slurmd
  if ! bounded 15 ready; then
    timeout 5 scontrol update nodename="$node" state=resume || true # drained by an earlier fault
    bounded 15 ready || { timeout 5 sinfo -R; echo "The node is not ready: see $logs" >&2; return 1; }
  fi
}

stop() {
  local file pid
  if running "$pids/slurmctld.pid" >/dev/null; then
    timeout 10 scancel --user "$user" || true
    bounded 15 idle || true
  fi
  for file in "$pids/slurmd.pid" "$pids/slurmctld.pid" /run/munge/munged.pid; do
    if pid=$(running "$file"); then
      kill "$pid"
      bounded 15 gone "$file" || kill -KILL "$pid"
    fi
    rm -f "$file"
  done
}

idle() { [ -z "$(timeout 5 squeue -h)" ]; }

status() {
  timeout 15 scontrol ping
  timeout 5 sinfo -N -o '%N %P %T %c %m %G %E'
  timeout 5 squeue -r
}

[ "$(id -u)" = 0 ] || { echo "A Slurm node is set up as root: run this as root, or in a container of which you are root." >&2; exit 2; }
case ${1-} in
  install) install_packages ;;
  conf) configure ;;
  start) start ;;
  stop) stop ;;
  status) status ;;
  *) sed -n '2p' "$0" | cut -c3- >&2; exit 2 ;;
esac
