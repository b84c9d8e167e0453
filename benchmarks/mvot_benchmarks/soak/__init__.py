"""``mvot-bench soak``: whether memory, time, threads or files grow over a long run."""
