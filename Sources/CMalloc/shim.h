#pragma once
#include <malloc.h>  // mallopt, which Glibc's module leaves out
