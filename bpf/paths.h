/* SPDX-License-Identifier: GPL-2.0 */
/* From descriptors to files, from files to what names them: path, inode, device, links, layer. */

#define PATH_DEPTH 32
#define OVERLAY_MAGIC 0x794c7630
#define POINTER 8

static __always_inline void *file_of(void *task, u32 fd)
{
	void *files = NULL, *table = NULL, *array = NULL, *file = NULL;
	u32 size = 0;

	READ(files, task, O_task_files);
	READ(table, files, O_files_table);
	READ(size, table, O_table_size);
	if (!files || fd >= size)
		return NULL;
	READ(array, table, O_table_array);
	READ(file, array, POINTER * (u64)fd);
	return file;
}

/* Appends the components of a struct path from leaf to root, across mounts, each ended by NUL. */
static __always_inline void walk(struct record *r, void *path)
{
	void *dentry = NULL, *view = NULL, *top = NULL, *mount, *above = NULL, *parent = NULL, *name = NULL;
	u32 at;

	READ(view, path, O_path_mount);
	READ(dentry, path, O_path_dentry);
	mount = (char *)view - O_mount_view;
	READ(top, view, O_view_root);
	for (int i = 0; i < PATH_DEPTH; i++) {
		if (dentry == top) {
			READ(above, mount, O_mount_parent);
			if (above == mount)
				return;
			READ(dentry, mount, O_mount_point);
			mount = above;
			READ(top, mount, O_mount_view + O_view_root);
			continue;
		}
		READ(parent, dentry, O_dentry_parent);
		if (parent == dentry && i)
			return;
		at = end_of(r);
		if (at > PAYLOAD_MAX - NAME_SPACE)
			break;
		READ(name, dentry, O_dentry_name);
		int n = bpf_probe_read_kernel_str(&r->payload[at], NAME_SPACE, name);
		if (n > 0)
			r->head.size += n;
		if (parent == dentry)
			return;		/* in no directory: a memfd, a pipe */
		dentry = parent;
	}
	r->head.flags |= FLAG_TRUNCATED;
}

/* The overlay keeps the dentry of its upper layer right behind the inode it embeds, of which i_private is the last member. */
static __always_inline u8 layer_of(void *inode, void *super)
{
	u64 magic = 0;
	void *upper = NULL;

	READ(magic, super, O_super_magic);
	if (magic != OVERLAY_MAGIC)
		return LAYER_PLAIN;
	READ(upper, inode, O_inode_last + POINTER);
	return upper ? LAYER_WRITTEN : LAYER_IMAGE;
}

static __always_inline void identify(struct event *e, void *inode)
{
	void *super = NULL;

	READ(e->inode, inode, O_inode_number);
	READ(e->links, inode, O_inode_links);
	READ(super, inode, O_inode_super);
	READ(e->device, super, O_super_device);
	e->layer = layer_of(inode, super);
}

/* Identity and path of an open file. */
static __always_inline void resolve(struct record *r, void *file)
{
	void *inode = NULL;

	READ(inode, file, O_file_inode);
	identify(&r->head, inode);
	r->head.flags |= FLAG_RESOLVED;
	walk(r, (char *)file + O_file_path);
}

/* Appends a string of the caller. Returns whether there was one. */
static __always_inline bool append(struct record *r, u64 text)
{
	u32 at = end_of(r) & (USER_PATH_MAX - 1);
	long n = text ? bpf_probe_read_user_str(&r->payload[at], USER_PATH_MAX, (void *)text) : 0;

	if (n > 0)
		r->head.size = at + n;
	return n > 0;
}

/* The caller's name of a file, and behind it the directory it starts from unless it is absolute. */
static __always_inline void named(struct record *r, void *task, u64 name, s32 directory)
{
	void *base = NULL, *file;
	u32 at = end_of(r);

	if (!append(r, name) || r->payload[at] == '/')
		return;
	r->head.flags |= FLAG_RELATIVE;
	if (directory == AT_FDCWD) {
		READ(base, task, O_task_fs);
		base = (char *)base + O_fs_cwd;
	} else {
		file = file_of(task, directory);
		base = file ? (char *)file + O_file_path : NULL;
	}
	if (base)
		walk(r, base);
}
