# Unpacks a step's bundle into the project directory. Runs inside the sandbox; see sandbox.rs.
# Few processes on purpose: every step waits for this.
set -eu
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_NAMESPACE
bundle=$1 project=$2 branch=$3 commit=$4 config=$5 run=$6 step=$7 excluded=$8
shift 8

in_repository() {
    git -C "$target" -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.fsync=none -c gc.auto=0 "$@"
}

if [ -d "$project/.git" ]; then
    target=$project
    find "$target/.git" -maxdepth 1 -name '*.lock' -exec rm -f {} +
    mkdir -p "$target/.git/hooks" "$target/.git/info"
    in_repository config user.name "$GIT_AUTHOR_NAME"
    in_repository config user.email "$GIT_AUTHOR_EMAIL"
    in_repository config codecourier.run "$run"
    in_repository config codecourier.step "$step"
    in_repository remote | while IFS= read -r remote; do in_repository remote remove "$remote"; done
else
    # What `git init` makes, with the configuration that came along.
    target=$project.unpacking
    rm -rf "$target"
    mkdir -p "$target/.git/objects/info" "$target/.git/objects/pack" "$target/.git/refs/heads" "$target/.git/refs/tags" \
        "$target/.git/hooks" "$target/.git/info"
    printf '%s' "$config" > "$target/.git/config"
    printf 'ref: refs/heads/%s\n' "$branch" > "$target/.git/HEAD"
fi
if [ $# -gt 0 ]; then
    printf '%s\n' "$@" > "$target/.git/shallow"
fi
in_repository bundle unbundle "$bundle" > /dev/null
in_repository update-ref --no-deref "refs/heads/$branch" "$commit"
if [ "$target" = "$project" ]; then
    in_repository symbolic-ref HEAD "refs/heads/$branch"
fi
in_repository reset -q --hard

printf '%s\n' "$excluded" > "$target/.git/info/exclude"
# Commits of the agent name their run and step. A convenience: the platform makes sure of it when it takes them.
printf '%s\n' '#!/bin/sh' \
    'exec git interpret-trailers --in-place --if-exists addIfDifferent \' \
    '    --trailer "CodeCourier-Run: $(git config codecourier.run)" \' \
    '    --trailer "CodeCourier-Step: $(git config codecourier.step)" "$1"' > "$target/.git/hooks/commit-msg"
chmod 755 "$target/.git/hooks/commit-msg"
if [ "$target" != "$project" ]; then
    rm -rf "$project"
    mv "$target" "$project"
fi
