# Unpacks a step's bundle into the project directory. Runs inside the sandbox; see sandbox.rs.
set -eu
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_NAMESPACE
bundle=$1 project=$2 branch=$3 commit=$4 format=$5 run=$6 step=$7 excluded=$8
shift 8

in_repository() {
    git -C "$target" -c core.hooksPath=/dev/null -c core.fsmonitor=false -c gc.auto=0 -c advice.detachedHead=false "$@"
}

if [ -d "$project/.git" ]; then
    target=$project
    find "$target/.git" -maxdepth 1 -name '*.lock' -exec rm -f {} +
else
    target=$project.unpacking
    rm -rf "$target"
    git init -q --template= --object-format="$format" "$target"
fi
if [ $# -gt 0 ]; then
    printf '%s\n' "$@" > "$target/.git/shallow"
fi
in_repository bundle unbundle "$bundle" > /dev/null
in_repository update-ref --no-deref "refs/heads/$branch" "$commit"
in_repository symbolic-ref HEAD "refs/heads/$branch"
in_repository reset -q --hard

in_repository config user.name "$GIT_AUTHOR_NAME"
in_repository config user.email "$GIT_AUTHOR_EMAIL"
in_repository config codecourier.run "$run"
in_repository config codecourier.step "$step"
in_repository remote | while IFS= read -r remote; do in_repository remote remove "$remote"; done
mkdir -p "$target/.git/hooks" "$target/.git/info"
printf '%s\n' "$excluded" > "$target/.git/info/exclude"
# Commits of the agent name their run and step. A convenience: the platform makes sure of it when it takes them.
cat > "$target/.git/hooks/commit-msg" <<'HOOK'
#!/bin/sh
exec git interpret-trailers --in-place --if-exists addIfDifferent \
    --trailer "CodeCourier-Run: $(git config codecourier.run)" \
    --trailer "CodeCourier-Step: $(git config codecourier.step)" "$1"
HOOK
chmod 755 "$target/.git/hooks/commit-msg"
if [ "$target" != "$project" ]; then
    rm -rf "$project"
    mv "$target" "$project"
fi
