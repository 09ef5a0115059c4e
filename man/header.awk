# SPDX-License-Identifier: MIT
# header.awk - makes manual pages of the comments in the public headers: weft.7 from the head of a file, the heads of its
# sections and its types; a page of section 3 from each comment with the functions under it, those that weft.map exports.
# A page that holds several functions is linked to by the names of the others.
# Usage: awk -v out=FOLDER -v version=0.1.0 -v date=2025-01-31 -f header.awk weft.map weft.h info.h

# ---- Text to roff. Indented blocks are kept as they stand, "---- Title: text" begins a subsection, all else is filled.

function escape(text)
{
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/)
        text = "\\&" text
    return text
}

# Names in bold, `parameters` in italics.
function marked(text,    done, name)
{
    text = escape(text)
    done = ""
    while (match(text, /`[^`]+`|(weft|WEFT)_[A-Za-z0-9_]+/)) {
        name = substr(text, RSTART, RLENGTH)
        done = done substr(text, 1, RSTART - 1)
        text = substr(text, RSTART + RLENGTH)
        if (name ~ /^`/)
            done = done "\\fI" substr(name, 2, length(name) - 2) "\\fR"
        else
            done = done "\\fB" name "\\fR"
    }
    return done text
}

# Lines as they stand, or a list where each is "what   text".
function literal(begin, end, lines,    i, roff, listed)
{
    listed = 1
    for (i = begin; i <= end; i++) {
        sub(/^    /, "", lines[i])
        sub(/ +\\$/, " \\", lines[i])
        if (lines[i] !~ /^[^ ].*[^ ]   +[^ ]/ || lines[i] ~ /^#define/)
            listed = 0
    }
    roff = listed ? ".RS 4\n" : ".PP\n.RS 4\n.nf\n"
    for (i = begin; i <= end; i++)
        if (listed) {
            match(lines[i], /   +/)
            roff = roff ".TP\n" bold(substr(lines[i], 1, RSTART - 1)) marked(substr(lines[i], RSTART + RLENGTH)) "\n"
        } else
            roff = roff escape(lines[i]) "\n"
    return roff (listed ? ".RE\n" : ".fi\n.RE\n")
}

function prose(text,    n, lines, i, last, roff, fresh, title)
{
    n = split(text, lines, "\n")
    fresh = 1
    for (i = 1; i <= n; i++) {
        if (lines[i] == "") {
            fresh = 1
        } else if (lines[i] ~ /^    /) {
            for (last = i; last < n && (lines[last + 1] ~ /^    / || (lines[last + 1] == "" && lines[last + 2] ~ /^    /));)
                last++
            roff = roff literal(i, last, lines)
            i = last
            fresh = 1
        } else if (lines[i] ~ /^---- /) {
            title = substr(lines[i], 6)
            while (title !~ /:/ && i < n)
                title = title " " lines[++i]
            match(title, /:/)
            roff = roff ".SS " escape(substr(title, 1, RSTART - 1)) "\n"
            lines[i--] = sentence_case(substr(title, RSTART + 2))
            fresh = 0
        } else {
            roff = roff (fresh ? ".PP\n" : "") marked(lines[i]) "\n"
            fresh = 0
        }
    }
    return roff
}

function sentence_case(text)
{
    return text ~ /^weft_/ ? text : toupper(substr(text, 1, 1)) substr(text, 2)
}

# The first clause of a comment, for NAME.
function clause(text)
{
    gsub(/\n/, " ", text)
    if (match(text, /[.;:]( |$)/))
        text = substr(text, 1, RSTART - 1)
    gsub(/`/, "", text)
    return escape(text)
}

function heading(name, section)
{
    return ".\\\" Made from the comments of the header; changes belong there.\n.TH " toupper(name) " " section " " date " \"Weft " version "\" \"Weft\"\n"
}

# ---- Code to roff

# A prototype, broken between parameters for narrow terminals.
function prototype(text,    n, parts, i, line, done)
{
    gsub(/[ \t\n]+/, " ", text)
    n = split(text, parts, ", ")
    for (i = 1; i <= n; i++) {
        if (i > 1 && length(line ", " parts[i]) > 70) {
            done = done bold(line ",")
            line = "    " parts[i]
        } else
            line = line (i > 1 ? ", " : "") parts[i]
    }
    return done bold(line)
}

function bold(line)
{
    return "\\fB" escape(line) "\\fR\n"
}

# A list of the members of a struct or enum, with what the comments beside or above say; other code stands as it is.
function types(text,    n, lines, i, k, plain, roff, line, said, above)
{
    n = split(text, lines, "\n")
    for (i = 1; i < n; i++) {
        if (lines[i] !~ /^(typedef )?(struct|enum) [a-z_0-9]+ \{$/) {
            plain[++k] = lines[i]
            continue
        }
        roff = roff (k ? literal(1, k, plain) : "") ".PP\n" bold(substr(lines[i], 1, length(lines[i]) - 2))
        k = 0
        for (i++; lines[i] !~ /^\}/; i++) {
            line = lines[i]
            while (line ~ /\/\*/ && line !~ /\*\// || line !~ /[;,]|\/\*/ && lines[i + 1] ~ /^     /) {
                said = lines[++i]
                sub(/^ *(\* ?)?/, "", said)
                line = line " " said
            }
            sub(/^ */, "", line)
            said = ""
            if (match(line, /\/\*.*\*\//)) {
                said = substr(line, RSTART + 3, RLENGTH - 6)
                line = substr(line, 1, RSTART - 1)
                sub(/ *$/, "", line)
            }
            if (line == "") {
                above = said
                continue
            }
            if (said == "")
                said = above
            above = ""
            roff = roff ".RS 4\n.TP\n" bold(line) (said == "" ? "\\&" : marked(said)) "\n.RE\n"
        }
    }
    return roff (k ? literal(1, k, plain) : "")
}

# ---- One comment and the declarations under it

function function_name(declaration)
{
    match(declaration, /[a-z0-9_]+\(/)
    return substr(declaration, RSTART, RLENGTH - 1)
}

# Splits `code` into what is a function, and what is not.
function split_code(    n, lines, i, declaration)
{
    functions = 0
    others = ""
    n = split(code, lines, "\n")
    for (i = 1; i <= n; i++) {
        if (lines[i] ~ /^[a-z]/ && lines[i] !~ /^(typedef|extern|struct|enum)/ && lines[i] ~ /\(/) {
            declaration = lines[i]
            while (declaration !~ /;[ \t]*(\/\*.*)?$/ && i < n)
                declaration = declaration "\n" lines[++i]
            if (function_name(declaration) in exported)
                declarations[++functions] = declaration
            else
                absent++
        } else if (lines[i] != "")
            others = others lines[i] "\n"
    }
}

function page(    first, file, i, name, names, synopsis, result)
{
    first = function_name(declarations[1])
    for (i = 1; i <= functions; i++) {
        name = function_name(declarations[i])
        names = names (i > 1 ? ", " : "") name
        synopsis = synopsis prototype(declarations[i])
        if (declarations[i] ~ /^weft_status /)
            result = 1
        if (i > 1)
            system("ln -sf " first ".3 " out "/man3/" name ".3")
    }
    pages[++n_pages] = first
    about[first] = clause(comment)
    section_of[first] = section
    roff[first] = heading(first, 3) ".SH NAME\n" names " \\- " clause(comment) "\n.SH SYNOPSIS\n.nf\n\\fB#include <weft/" header ">\\fR\n.sp\n" synopsis ".fi\n.SH DESCRIPTION\n" prose(comment) types(others)
    sub(/\.SH DESCRIPTION\n\.PP\n/, ".SH DESCRIPTION\n", roff[first])
    if (section != "")
        roff[first] = roff[first] ".PP\nWhat holds for more than this call stands in\n.BR weft (7)\nunder " toupper(escape(section)) ".\n"
    if (result)
        roff[first] = roff[first] ".SH RETURN VALUE\n\\fBWEFT_OK\\fR, or a negative status: those that the text names without\ntheir prefix \\fBWEFT_ERR_\\fR, and those that\n.BR weft (7)\nsays of all calls.\n.BR weft_last_error (3)\nthen says in a sentence what was wrong.\n"
}

function flush_chunk()
{
    absent = 0
    split_code()
    if (functions > 0)
        page()
    else if (!absent && code != "" && (section comment != "" || files > 2))
        body = body (comment != "" ? prose(comment) : "") types(others)
    comment = code = ""
}

function begin_section(text)
{
    sub(/ *----$/, "", text)
    match(text, /[:.]/)
    section = substr(text, 1, RSTART - 1)
    body = body ".SH " toupper(escape(section)) "\n" prose(sentence_case(substr(text, RSTART + 2)))
}

# ---- Reading

BEGIN { body = "\n" }

FNR == 1 {
    if (NR > 1)
        flush_chunk()
    files++
    header = FILENAME
    sub(/.*\//, "", header)
    head = 1
    section = ""
}
files == 1 {
    if (match($0, /weft_[a-z0-9_]+;/))
        exported[substr($0, RSTART, RLENGTH - 1)] = 1
    next
}
/^#ifdef __cplusplus/ { in_cpp = skipping = 1; next }
in_cpp && /^#else/ { skipping = 0; next }
in_cpp && /^#endif/ { in_cpp = skipping = 0; next }
skipping || /^\/\/ SPDX/ || /^#include/ || /^#(ifndef|endif)/ || /^#define [A-Z_]+_H$/ { next }

in_comment || /^\/\*/ {
    if (!in_comment) {
        flush_chunk()
        in_comment = 1
    }
    line = $0
    ended = sub(/[ \t]*\*\/[ \t]*$/, "", line)
    # One space stands before a comment's text; in the head of a section, up to six.
    if (!sub(/^\/\* /, "", line)) {
        sub(/^ \*/, "", line)
        for (i = section_head ? 6 : 1; i > 0 && line ~ /^ /; i--)
            line = substr(line, 2)
    }
    if (line ~ /^---- / && comment == "" && !head) {
        section_head = 1
        line = substr(line, 6)
    }
    comment = comment (comment == "" ? "" : "\n") line
    if (!ended)
        next
    in_comment = 0
    if (head) {
        sub(/^[a-z_]+\.h - /, "", comment)
        if (files == 2)
            body = body ".SH DESCRIPTION\n" prose(comment)
        else {
            section = "What the library knows (weft/" header ")"
            body = body ".SH " toupper(escape(section)) "\n" prose(sentence_case(comment))
        }
        comment = ""
        head = 0
    } else if (section_head) {
        begin_section(comment)
        comment = ""
        section_head = 0
    }
    next
}
/^[ \t]*$/ { flush_chunk(); next }
{ code = code $0 "\n" }

END {
    flush_chunk()
    for (i = 1; i <= n_pages; i++) {
        name = pages[i]
        file = out "/man3/" name ".3"
        printf "%s.SH SEE ALSO\n", roff[name] > file
        for (k = 1; k <= n_pages; k++)
            if (pages[k] != name && section_of[pages[k]] == section_of[name])
                printf ".BR %s (3),\n", pages[k] > file
        printf ".BR weft (7)\n" > file
        close(file)
    }
    file = out "/man7/weft.7"
    printf "%s.SH NAME\nweft \\- ranks, communicators and collectives between the threads of one process\n", heading("weft", 7) > file
    printf ".SH SYNOPSIS\n.nf\n\\fB#include <weft/weft.h>\\fR\n.sp\n\\fBcc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs weft)\\fR\n.fi\n" > file
    while (match(body, /\n\.S[HS] [^\n]*\n\.PP\n/))
        body = substr(body, 1, RSTART + RLENGTH - 5) substr(body, RSTART + RLENGTH)
    printf "%s.SH FUNCTIONS\nEach has a page in section 3.\n", substr(body, 2) > file
    for (i = 1; i <= n_pages; i++)
        printf ".TP\n.BR %s (3)\n%s\n", pages[i], about[pages[i]] > file
    printf ".SH FILES\nThe examples and documents that these pages name stand below the prefix in\n.IR share/doc/weft .\n" > file
    printf ".SH SEE ALSO\n.BR weft (1)\n" > file
    close(file)
}
