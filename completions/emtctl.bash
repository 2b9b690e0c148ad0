# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion of emtctl for bash. All that is known comes from emtctl itself.

_emtctl() {
	local rest=${COMP_LINE:0:COMP_POINT} word after value i quote="" cut=""
	local -a words=()

	# bash splits words at = and : too; those that no blank separates are one.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		after=${rest#"${rest%%[![:space:]]*}"}
		word=${COMP_WORDS[i]}
		# Of the last word only what stands before the cursor.
		[[ $i -lt $COMP_CWORD ]] || word=$after
		if [[ $after == "$rest" && $i -gt 0 ]]; then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
		fi
		rest=${after#"$word"}
	done
	# The shell's quotes are not part of the words.
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		\'*\' | \"*\") words[i]=${words[i]:1:-1} ;;
		*) words[i]=${words[i]//\\/} ;;
		esac
	done
	word=${words[-1]}
	case $word in
	[\"\']*) quote=${word:0:1} word=${word:1} ;;
	*) word=${word//\\/} ;;
	esac
	words[-1]=$word
	# readline replaces what follows the last = or : only.
	[[ -n $quote || $word != *[=:]* ]] || cut=${word%"${word##*[=:]}"}

	COMPREPLY=()
	while IFS=$'\t' read -r value _; do
		[[ $value != *[/,=:] ]] || compopt -o nospace
		value=${value#"$cut"}
		[[ -n $quote || $value != *[[:space:]\"\'\\\<\>\|\;\&\(\)\$]* ]] || printf -v value %q "$value"
		COMPREPLY+=("$value")
	done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
	[[ -z $quote ]] || compopt -o nospace
}

complete -o nosort -F _emtctl emtctl
