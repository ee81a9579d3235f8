{{/*
A password that is made once and kept: read back from the cluster on an upgrade. Arguments: root, secret name, key.
A render without a cluster (helm template) shows a new one each time; nothing of it is used.
*/}}
{{- define "earshot.keptPassword" -}}
{{- $root := index . 0 -}}
{{- $secret := lookup "v1" "Secret" $root.Release.Namespace (index . 1) | default dict -}}
{{- $kept := get ($secret.data | default dict) (index . 2) -}}
{{- $kept | default (randAlphaNum 32 | b64enc) -}}
{{- end -}}

{{/* A Secret of two keys that outlives the release, as the volumes do whose data it opens; arguments: dict root, component, name, user (key, value), password (key). */}}
{{- define "earshot.keptSecret" -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ .name }}
  labels: {{ include "earshot.labels" (list .root .component) | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
type: Opaque
data:
  {{ .userKey }}: {{ .user | b64enc }}
  {{ .passwordKey }}: {{ include "earshot.keptPassword" (list .root .name .passwordKey) }}
{{- end -}}
