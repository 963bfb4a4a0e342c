// The program that holds a pod's namespaces open, and is process 1 of each machine of the single-machine cluster.
module hyperpage.dev/dev/cluster/binaries/pause

go 1.21
