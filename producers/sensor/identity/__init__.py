"""Who a watched workload is: names from the container runtime or the cluster, and the kernel's number of its cgroup."""
