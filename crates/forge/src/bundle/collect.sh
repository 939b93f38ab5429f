# Packs up what a step did. Runs inside the sandbox, after the agent; see sandbox.rs.
#
# The agent's repository is read, never used: its configuration, hooks, index and attributes do not decide what is taken.
# Commits are made in a scratch repository that borrows the agent's objects; if those are broken or gone, the files alone
# are taken and put on top of the commit that the step started from.
# Few processes on purpose: every step waits for this.
set -u
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_NAMESPACE
project=$1 bundle=$2 output=$3 branch=$4 base=$5 config=$6 message=$7 excluded=$8
shift 8
tab=$(printf '\t')
[ ! -e "$output" ] || rm -f "$output"

report() { printf '%s=%s\n' "$1" "$2"; }
finish() { report outcome "$1"; exit 0; }

[ -d "$project" ] || finish missing
scratch=$(mktemp -d) || { report reason scratch; finish failed; }
trap 'rm -rf "$scratch"' EXIT

# In the agent's repository: reads references only, and does not wait for a configuration that never ends.
theirs() { timeout 5 git -c core.fsmonitor=false -c core.hooksPath=/dev/null --git-dir="$store" "$@" 2> /dev/null; }
ours() {
    GIT_DIR=$git GIT_WORK_TREE=$project GIT_INDEX_FILE=$git/index git -c core.bare=false -c gc.auto=0 -c core.fsync=none \
        -c core.quotePath=true -c advice.addEmbeddedRepo=false -c core.excludesFile="$scratch/exclude" "$@"
}
tree_of() { ours rev-parse -q --verify "$1^{tree}"; }

prepare() {
    git=$scratch/$1
    mkdir -p "$git/objects/info" "$git/objects/pack" "$git/refs/heads" || return 1
    printf 'ref: refs/heads/none\n' > "$git/HEAD"
    printf '%s' "$config" > "$git/config"
    printf '%s\n' "$excluded" > "$scratch/exclude"
    if [ "$1" = borrowed ]; then
        [ -f "$store/info/exclude" ] && cat "$store/info/exclude" >> "$scratch/exclude"
        [ -f "$store/shallow" ] && cp "$store/shallow" "$git/shallow"
        printf '%s\n' "$store/objects" > "$git/objects/info/alternates"
    fi
    base_tree=$(tree_of "$base") && return 0
    if [ ! -s "$git/shallow" ] && [ "$#" -gt 1 ]; then
        shift
        printf '%s\n' "$@" > "$git/shallow"
    fi
    ours bundle unbundle "$bundle" > /dev/null && base_tree=$(tree_of "$base")
}

# The work tree as a tree on top of commit $1, in $tree.
snapshot() {
    forced=
    if [ "$2" = borrowed ] && [ -f "$store/index" ]; then
        # Staged although ignored: the agent asked for it. Meanwhile, the rest.
        GIT_WORK_TREE=$project theirs ls-files -z --cached --ignored --exclude-standard > "$scratch/forced" &
        forced=$!
    fi
    ours read-tree "$1" || return 1
    ours add -A --ignore-errors . 2> "$scratch/complaints" || skipped=yes
    if [ -n "$forced" ] && wait "$forced" && [ -s "$scratch/forced" ]; then
        ours add -f --ignore-errors --pathspec-from-file="$scratch/forced" --pathspec-file-nul 2> /dev/null
    fi
    tree=$(ours write-tree) || return 1
    # A repository inside the repository would become a submodule that nobody can fetch: leave its entry as it was.
    if [ "$tree" != "$start_tree" ] && { [ -s "$scratch/complaints" ] || [ -e "$project/.gitmodules" ]; }; then
        ours diff-index --cached --raw --no-abbrev --no-renames "$1" \
            | sed -n "s/^:\([0-7]*\) 160000 \([0-9a-f]*\) [0-9a-f]* [A-Z]$tab/\1 \2$tab/p" > "$scratch/nested"
        if [ -s "$scratch/nested" ]; then
            nested=$(wc -l < "$scratch/nested" | tr -d ' ')
            ours update-index --index-info < "$scratch/nested" || return 1
            tree=$(ours write-tree) || return 1
        fi
    fi
}

is_in() { [ "$1" = "$2" ] || ours merge-base --is-ancestor "$1" "$2" 2> /dev/null; }
is_beyond_base() { [ "$1" != "$base" ] && is_in "$base" "$1"; }

# What the step made, in $tip.
find_tip() {
    head= own= symbolic= start=$base start_tree=$base_tree
    if [ "$1" = borrowed ]; then
        theirs show-ref --head > "$scratch/references"
        # Not even that: then nothing of theirs is asked again. (1 says that there is no reference.)
        [ $? -le 1 ] || return 1
        read -r _ symbolic < "$store/HEAD"
        while read -r commit name; do
            case $name in
                HEAD) head=$commit ;;
                "refs/heads/$branch") own=$commit ;;
            esac
        done < "$scratch/references"
        if [ -z "$head" ]; then
            from=files
        elif [ "$head" != "$base" ]; then
            start=$head
            start_tree=$(tree_of "$head") || return 1
        fi
    fi
    snapshot "$start" "$1" || return 1
    if [ "$tree" != "$start_tree" ]; then
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
    if is_in "$tip" "$base"; then
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
    # A commit made here on the base needs no proof.
    if { [ "$uncommitted" = no ] || [ "$start" != "$base" ]; } && ! is_in "$base" "$tip"; then
        # History before the step was rewritten. It is not ours to change: keep the result as one commit on top of it.
        rewritten=yes
        tree=$(tree_of "$tip") || return 1
        if [ "$tree" = "$base_tree" ]; then
            tip=$base
            return 0
        fi
        tip=$(printf '%s' "$message" | ours commit-tree "$tree" -p "$base") || return 1
    fi
    case ${#base} in
        40) head_of_bundle='# v2 git bundle' ;;
        *) head_of_bundle='# v3 git bundle
@object-format=sha256' ;;
    esac
    printf '%s\n-%s\n%s refs/heads/%s\n\n' "$head_of_bundle" "$base" "$tip" "$branch" > "$output.part" || return 1
    printf '%s\n^%s\n' "$tip" "$base" | ours pack-objects --quiet --revs --thin --stdout >> "$output.part" || return 1
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
if [ -n "$own" ] && [ "$own" != "$base" ] && [ "$own" != "$tip" ] && ! is_in "$own" "$tip"; then
    report left_behind "$own"
fi
[ "$tip" = "$base" ] && finish unchanged
finish bundle
