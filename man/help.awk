# SPDX-License-Identifier: MIT
# help.awk - makes weft.1 of what the command says with --help. Input: the output of `weft --help`, then of each part's.
# Usage: awk -v version=0.1.0 -v date=2025-01-31 -f help.awk HELP...

function escape(text)
{
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    return (text ~ /^[.']/ ? "\\&" : "") text
}

function mode(wanted)
{
    if (now == wanted)
        return
    if (now == "literal")
        print ".fi\n.RE"
    if (wanted == "literal")
        print (fresh ? "" : ".PP\n") ".RS 4\n.nf"
    if (wanted == "text" && !fresh)
        print ".PP"
    now = wanted
    if (wanted != "")
        fresh = 0
}

# A line after two spaces: "--option ARGUMENT   text" and its continuations are a list, all else stands as it is.
function indented(line)
{
    if (now == "list" && line ~ /^          /) {
        sub(/^ */, "", line)
        print escape(line)
    } else if (line ~ /^  (--|weft [a-z-]+  )/ && match(substr(line, 3), /   */)) {
        mode("list")
        print ".TP\n\\fB" escape(substr(line, 3, RSTART - 1)) "\\fR\n" escape(substr(line, RSTART + RLENGTH + 2))
    } else {
        mode("literal")
        print escape(substr(line, 3))
    }
}

NR == 1 {
    printf ".\\\" Made of what the command says with --help; changes belong there.\n.TH WEFT 1 %s \"Weft %s\" \"Weft\"\n", date, version
    print ".SH NAME\nweft \\- collectives between the threads of one process: a demonstration, measurements, information"
    print ".SH SYNOPSIS\n.nf"
    for (i = 1; i < ARGC; i++) {
        while (ARGV[i] !~ /=/ && (getline usage < ARGV[i]) > 0)
            if (sub(/^Usage: /, "", usage))
                print "\\fB" escape(usage) "\\fR"
        close(ARGV[i])
    }
    print ".fi\n.SH DESCRIPTION"
    fresh = 1
}
/^Usage: weft / {
    mode("")
    if (NR > 1) {
        part = toupper(substr($0, 13))
        sub(/ .*/, "", part)
        print ".SH WEFT " part
        fresh = 1
    }
    next
}
/^$/ { mode(""); next }
/^  / { indented($0); next }
{ mode("text"); print escape($0) }
END {
    mode("")
    print ".SH ENVIRONMENT"
    print ".TP\n\\fBWEFT_ALGORITHMS\\fR\nforces algorithms, as\n.BR weft (7)\nsays."
    print ".TP\n\\fBWEFT_TIMEOUT_MS\\fR\nends each wait after so many milliseconds, with an error that names the ranks that are missing."
    print ".SH SEE ALSO\n.BR weft (7)"
}
