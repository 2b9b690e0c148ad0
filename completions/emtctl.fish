# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of emtctl for fish. All that is known comes from emtctl itself.

function __emtctl_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct | string unescape --style=script)
    test (count $last) -gt 0; or set last (commandline -ct | string trim --left --chars='\'"')
    $words[1] complete -- $words[2..-1] "$last" 2>/dev/null
end

complete -c emtctl -f -a '(__emtctl_complete)'
