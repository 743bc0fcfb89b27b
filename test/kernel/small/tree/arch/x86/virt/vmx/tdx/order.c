/* Included by tdx.c: a C file that is no file of its own. All CPUs go through its states in the stopper. */

enum pen_order {
	PEN_ORDER_STOP,
	PEN_ORDER_START,
	PEN_ORDER_DONE,
};

static enum pen_order pen_order;

static int pen_stopped(void *data)
{
	struct tdx_module_args args = {};
	enum pen_order seen = PEN_ORDER_DONE;
	int ret = 0;

	do {
		if (seen == READ_ONCE(pen_order))
			continue;
		seen = READ_ONCE(pen_order);
		switch (seen) {
		case PEN_ORDER_STOP:
			if (smp_processor_id() == 0)
				ret = seamcall(TDH_SYS_DISABLE, &args) ? -EIO : 0; /* @stop-machine-lead */
			break;
		case PEN_ORDER_START:
			ret = seamcall(TDH_SYS_LP_INIT, &args) ? -EIO : 0; /* @stop-machine-each */
			break;
		default:
			break;
		}
		pen_next_order(ret);
	} while (seen != PEN_ORDER_DONE && !ret);

	return ret;
}

static ssize_t pen_again_store(struct device *dev, struct device_attribute *attr, const char *buf, size_t count)
{
	int ret;

	cpus_read_lock();
	ret = stop_machine_cpuslocked(pen_stopped, NULL, cpu_online_mask);
	cpus_read_unlock();
	return ret ? ret : count;
}

static struct device_attribute dev_attr_pen_again = {
	.store = pen_again_store,
};
