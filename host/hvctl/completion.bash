# SPDX-License-Identifier: GPL-2.0
# Completion for vmwp and hvctl: source it, or install it as both
# /usr/share/bash-completion/completions/vmwp and .../hvctl.

_enlight_disk_spec()
{
	local item=${1##*,} before
	before=${1%"$item"}
	case $item in
	file=*)
		local path
		COMPREPLY=()
		while IFS= read -r path; do
			COMPREPLY+=("${before}file=$path")
		done < <(compgen -f -- "${item#file=}")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -P "$before" -W 'file= format=raw
			format=null readonly=on direct=on size= controller= lun= serial=' -- "$item")
		;;
	esac
	compopt -o nospace 2>/dev/null
}

_enlight_net_spec()
{
	local item=${1##*,} before
	before=${1%"$item"}
	case $item in
	tap=*)
		mapfile -t COMPREPLY < <(compgen -P "${before}tap=" -W "$(
			cd /sys/class/net && grep -l . -- */tun_flags 2>/dev/null |
				cut -d/ -f1)" -- "${item#tap=}")
		;;
	socket=* | local=*)
		local path key=${item%%=*}
		COMPREPLY=()
		while IFS= read -r path; do
			COMPREPLY+=("$before$key=$path")
		done < <(compgen -f -- "${item#*=}")
		;;
	*)
		local words='user tap= socket= null'
		case $before in
		user,*) words='mac= mtu= link= version= card= hostfwd= restrict=on' ;;
		tap=*) words='mac= queues= mtu= link= version= card=' ;;
		socket=*) words='mac= mtu= link= version= card= type=stream
			type=dgram server=on local=' ;;
		null,*) words='mac= queues= mtu= link= version= card= rx= rx-count= rx-to=' ;;
		esac
		mapfile -t COMPREPLY < <(compgen -P "$before" -W "$words" -- "$item")
		;;
	esac
	compopt -o nospace 2>/dev/null
}

# The word before the cursor, whole: bash cuts words at "=" and ":".
_enlight_word()
{
	local line=${COMP_LINE:0:COMP_POINT}
	word=${line##*[ 	]}
}

# Bash replaces only what follows the last "=" or ":".
_enlight_trim()
{
	local head=${word%"${word##*[=:]}"} i
	[[ $COMP_WORDBREAKS == *=* ]] || return
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$head"}
	done
}

_vmwp()
{
	local word line=${COMP_LINE:0:COMP_POINT} previous
	_enlight_word
	previous=${line%"$word"}
	previous=${previous%"${previous##*[! 	]}"}
	previous=${previous##*[ 	]}
	COMPREPLY=()
	case $previous in
	--kernel | --initrd | --control | --stats | --capture)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames 2>/dev/null
		;;
	--scsi) _enlight_disk_spec "$word" ;;
	--net) _enlight_net_spec "$word" ;;
	--serial)
		mapfile -t COMPREPLY < <(compgen -W 'stdio none file= unix=' -- "$word")
		;;
	--vmbus-version)
		mapfile -t COMPREPLY < <(compgen -W '2.4 3.0 4.0 4.1 5.0 5.1 5.2 5.3' -- "$word")
		;;
	--log-level)
		mapfile -t COMPREPLY < <(compgen -W 'error warning info debug' -- "$word")
		;;
	--fault)
		mapfile -t COMPREPLY < <(compgen -W 'scsi0:0:op= disk:op= net0:op= net:op=
			scsi0:do= net0:do= bus:do=' -- "$word")
		;;
	--cmdline | --memory | --processors | --numa | --name) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '--kernel --initrd --cmdline --memory
			--processors --numa --scsi --net --capture --serial --control --stats --vmbus-version
			--fault --no-reboot --name --log-level --help --version' -- "$word")
		;;
	esac
	_enlight_trim
}

_hvctl()
{
	local word i verb='' second=''
	_enlight_word
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $verb ]]; then
				verb=${COMP_WORDS[i]}
			elif [[ -z $second ]]; then
				second=${COMP_WORDS[i]}
			fi
			;;
		esac
	done
	if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --socket ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames 2>/dev/null
	elif [[ -z $verb ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--socket --json state stats channels pause
			resume reset power-off disk controller net help' -- "$word")
	elif [[ $verb == disk && -z $second ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'list add remove resize' -- "$word")
	elif [[ $verb == controller && -z $second ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'list add remove' -- "$word")
	elif [[ $verb == net && -z $second ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'list add remove link mac stats flush' -- "$word")
	elif [[ $verb == net && $second == add ]]; then
		_enlight_net_spec "$word"
	elif [[ $verb == net && $second == link && ${COMP_WORDS[COMP_CWORD - 1]} != link ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'up down' -- "$word")
	elif [[ $verb == net && $second =~ ^(remove|link|mac|stats)$ &&
		${COMP_WORDS[COMP_CWORD - 1]} == "$second" ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(hvctl --json net list 2>/dev/null |
			tr -d ' ,"' | awk -F: '$1 == "card" { print "net" $2 }')" -- "$word")
	elif [[ $verb == disk && $second == add ]]; then
		_enlight_disk_spec "$word"
	elif [[ $verb == disk && $second == re* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(hvctl --json disk list 2>/dev/null |
			tr -d ' ,"' | awk -F: '$1 == "controller" { c = $2 }
				$1 == "lun" { print c ":" $2 }')" -- "$word")
	elif [[ $verb == stats ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--interval' -- "$word")
	fi
	_enlight_trim
}

complete -F _vmwp vmwp
complete -F _hvctl hvctl
