# Functions for the scripts that build fanout on Debian and Ubuntu: getting the packages they need. To be sourced.

test_packages=(g++ git pkg-config cmake ninja-build python3 catch2 libcereal-dev libtbb-dev libssl-dev openssh-client
    openssh-server iproute2)

is_there() {  # a command of this name, or a package
    command -v "$1" >/dev/null || [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Installs those of the packages that are missing. Without the right to do so, says what to type, and ends the script.
need_packages() {
    local package missing=() as_root=()
    for package in "$@"; do is_there "$package" || missing+=("$package"); done
    if ((${#missing[@]} == 0)); then return; fi

    if ((EUID != 0)); then
        as_root=(sudo -n)
        if ! sudo -n true 2>/dev/null; then
            printf 'Packages are missing. Please install them and start again:\n\n    sudo apt-get install %s\n\n' \
                "${missing[*]}" >&2
            exit 1
        fi
    fi
    install_packages || { sleep 10 && install_packages; }  # twice, for a mirror may hiccup
}

install_packages() {  # a part of need_packages: reads its variables
    "${as_root[@]}" apt-get update -q &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# A virtual environment of Python with these packages, for later runs too: have_python_with FOLDER PACKAGE...
# False, and nothing is left, if it cannot be made.
have_python_with() {
    local complete="$1/packages"  # what it has been made with, written when it has them
    if [[ -e $complete && $(<"$complete") == "${*:2}" ]]; then return; fi
    rm -rf "$1"
    if python3 -m venv "$1" && "$1/bin/pip" install -q "${@:2}"; then
        echo "${*:2}" >"$complete"
        return
    fi
    rm -rf "$1"
    return 1
}

need_cmake_3_25() {
    local version
    version=$(cmake --version | sed -n 's/^cmake version //p')
    if ! printf '3.25\n%s\n' "$version" | sort -V -C; then
        echo "The build of fanout's tests and examples needs CMake 3.25 or later; this is $version." >&2
        echo "Ubuntu 22.04 has none: 'pip install cmake' does. To use fanout, include/ and a compiler are enough." >&2
        exit 1
    fi
}
