# Packs up what a step did. Runs inside the sandbox, after the agent; see sandbox.rs.
#
# The agent's repository is read, never used: its configuration, hooks, index and attributes do not decide what is taken.
# Commits are made in a scratch repository that borrows the agent's objects; if those are broken or gone, the files alone
# are taken and put on top of the commit that the step started from.
set -u
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_NAMESPACE
project=$1 bundle=$2 output=$3 branch=$4 base=$5 format=$6 message=$7 excluded=$8
shift 8
tab=$(printf '\t')
rm -f "$output"

report() { printf '%s=%s\n' "$1" "$2"; }
finish() { report outcome "$1"; exit 0; }

[ -d "$project" ] || finish missing
scratch=$(mktemp -d) || { report reason scratch; finish failed; }
trap 'rm -rf "$scratch"' EXIT

# In the agent's repository: reads references only, and does not wait for a configuration that never ends.
theirs() { timeout 5 git -c core.fsmonitor=false -c core.hooksPath=/dev/null --git-dir="$store" "$@" 2> /dev/null; }
ours() {
    GIT_DIR=$scratch/git GIT_WORK_TREE=$project GIT_INDEX_FILE=$scratch/index git -c core.bare=false -c gc.auto=0 \
        -c core.quotePath=true -c advice.addEmbeddedRepo=false -c core.excludesFile="$scratch/exclude" "$@"
}

prepare() {
    rm -rf "$scratch/git" "$scratch/index"
    git init -q --bare --template= --object-format="$format" "$scratch/git" || return 1
    printf '%s\n' "$excluded" > "$scratch/exclude"
    if [ "$1" = borrowed ]; then
        [ -f "$store/info/exclude" ] && cat "$store/info/exclude" >> "$scratch/exclude"
        [ -f "$store/shallow" ] && cp "$store/shallow" "$scratch/git/shallow"
        printf '%s\n' "$store/objects" > "$scratch/git/objects/info/alternates"
    fi
    ours cat-file -e "$base^{tree}" 2> /dev/null && return 0
    if [ ! -s "$scratch/git/shallow" ] && [ "$#" -gt 1 ]; then
        shift
        printf '%s\n' "$@" > "$scratch/git/shallow"
    fi
    ours bundle unbundle "$bundle" > /dev/null && ours cat-file -e "$base^{tree}"
}

# The work tree as a tree on top of commit $1, in $tree.
snapshot() {
    ours read-tree "$1" || return 1
    ours add -A --ignore-errors . 2> "$scratch/complaints" || skipped=yes
    # Staged although ignored: the agent asked for it.
    if [ "$2" = borrowed ] && [ -f "$store/index" ]; then
        if GIT_WORK_TREE=$project theirs ls-files -z --cached --ignored --exclude-standard > "$scratch/forced" \
            && [ -s "$scratch/forced" ]; then
            ours add -f --ignore-errors --pathspec-from-file="$scratch/forced" --pathspec-file-nul 2> /dev/null
        fi
    fi
    tree=$(ours write-tree) || return 1
    [ "$tree" = "$(ours rev-parse "$1^{tree}")" ] && return 0
    # A repository inside the repository would become a submodule that nobody can fetch: leave its entry as it was.
    ours diff-index --cached --raw --no-abbrev --no-renames "$1" \
        | sed -n "s/^:\([0-7]*\) 160000 \([0-9a-f]*\) [0-9a-f]* [A-Z]$tab/\1 \2$tab/p" > "$scratch/nested"
    if [ -s "$scratch/nested" ]; then
        nested=$(wc -l < "$scratch/nested" | tr -d ' ')
        ours update-index --index-info < "$scratch/nested" || return 1
        tree=$(ours write-tree) || return 1
    fi
}

is_beyond_base() { [ "$1" != "$base" ] && ours merge-base --is-ancestor "$base" "$1" 2> /dev/null; }

# What the step made, in $tip.
find_tip() {
    head= own= newest= newest_name= symbolic=
    if [ "$1" = borrowed ]; then
        theirs show-ref --head > "$scratch/references"
        # Not even that: then nothing of theirs is asked again. (1 says that there is no reference.)
        [ $? -le 1 ] || return 1
        symbolic=$(theirs symbolic-ref -q HEAD)
        while read -r commit name; do
            case $name in
                HEAD) head=$commit ;;
                "refs/heads/$branch") own=$commit ;;
            esac
        done < "$scratch/references"
        [ -n "$head" ] || from=files
        [ -z "$head" ] || ours cat-file -e "$head^{tree}" 2> /dev/null || return 1
    fi
    start=${head:-$base}
    snapshot "$start" "$1" || return 1
    if [ "$tree" != "$(ours rev-parse "$start^{tree}")" ]; then
        uncommitted=yes
        set -- "$start"
        if [ -n "$head" ] && [ -f "$store/MERGE_HEAD" ]; then
            while read -r merged; do
                ours cat-file -e "$merged^{commit}" 2> /dev/null && set -- "$@" "$merged"
            done < "$store/MERGE_HEAD"
        fi
        parents=
        for parent; do parents="$parents -p $parent"; done
        # The commits are hexadecimal digits that Git printed or took.
        # shellcheck disable=SC2086
        tip=$(printf '%s' "$message" | ours commit-tree "$tree" $parents) || return 1
        return 0
    fi
    tip=$start
    [ "$symbolic" = "refs/heads/$branch" ] && [ "$tip" != "$base" ] && return 0
    if [ "$tip" = "$base" ] || ours merge-base --is-ancestor "$tip" "$base" 2> /dev/null; then
        # Nothing here: the work is on the run's branch, or on the newest branch that has any.
        if [ -n "$own" ] && is_beyond_base "$own"; then
            tip=$own from=run-branch
            return 0
        fi
        if [ -n "$head" ]; then
            theirs for-each-ref --count=50 --sort=-committerdate --format='%(objectname)' refs/heads > "$scratch/branches"
            while read -r commit; do
                if is_beyond_base "$commit"; then
                    tip=$commit from=other-branch
                    return 0
                fi
            done < "$scratch/branches"
        fi
        tip=$base
    fi
}

# $tip as a descendant of the base, in a bundle.
pack() {
    [ "$tip" = "$base" ] && return 0
    if ! ours merge-base --is-ancestor "$base" "$tip" 2> /dev/null; then
        # History before the step was rewritten. It is not ours to change: keep the result as one commit on top of it.
        rewritten=yes
        tree=$(ours rev-parse "$tip^{tree}") || return 1
        if [ "$tree" = "$(ours rev-parse "$base^{tree}")" ]; then
            tip=$base
            return 0
        fi
        tip=$(printf '%s' "$message" | ours commit-tree "$tree" -p "$base") || return 1
    fi
    ours update-ref --no-deref "refs/heads/$branch" "$tip" || return 1
    rm -f "$output.part"
    ours bundle create -q "$output.part" "^$base" "refs/heads/$branch" || return 1
    mv "$output.part" "$output"
}

collect() {
    tip= from=head uncommitted=no rewritten=no nested=0 skipped=no own=
    prepare "$@" && find_tip "$1" && pack
}

store=$project/.git
if [ -f "$store" ]; then
    store=$(timeout 5 git -C "$project" rev-parse --path-format=absolute --git-common-dir 2> /dev/null)
fi
if [ -d "$store/objects" ] && collect borrowed "$@" 2> "$scratch/error"; then
    :
elif collect alone "$@" 2> "$scratch/error"; then
    from=files
else
    report reason "$(tr -d '\000-\010\013-\037' < "$scratch/error" | tail -n 1 | cut -c 1-300)"
    finish failed
fi
report tip "$tip"
report from "$from"
report uncommitted "$uncommitted"
report rewritten "$rewritten"
report nested "$nested"
report skipped "$skipped"
if [ -n "$own" ] && [ "$own" != "$tip" ] && ! ours merge-base --is-ancestor "$own" "$tip" 2> /dev/null; then
    report left_behind "$own"
fi
[ "$tip" = "$base" ] && finish unchanged
finish bundle
