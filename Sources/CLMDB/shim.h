#pragma once
#include <lmdb.h>
#include <sys/vfs.h>  // statfs, which Glibc's module leaves out
