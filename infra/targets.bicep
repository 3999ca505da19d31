targetScope = 'subscription'

metadata description = 'What the service may do in one subscription whose clusters are connected. Deploy it alone for more subscriptions.'

@description('Object id of the identity of the service.')
param principalId string
@description('Whether it may create resource groups.')
param createResourceGroups bool = false
@description('Whether it may delete connected clusters.')
param offboard bool = true
@description('Whether it may apply and delete extensions and Flux configurations.')
param operateExtensions bool = true
@description('Whether it may assign policies to connected clusters, their resource groups and the subscription.')
param operatePolicies bool = false
@description('Whether it may link connected clusters to an Azure Arc gateway.')
param gateways bool = false

var roles = loadJsonContent('roles.json')
var registrar = loadJsonContent('roles/provider-registrar.json')
var creator = loadJsonContent('roles/resource-group-creator.json')
var offboarder = loadJsonContent('roles/offboarder.json')
var operator = loadJsonContent('roles/extension-operator.json')
var policyOperator = loadJsonContent('roles/policy-operator.json')
var linker = loadJsonContent('roles/gateway-linker.json')
var custom = concat([registrar], createResourceGroups ? [creator] : [], offboard ? [offboarder] : [], operateExtensions ? [operator] : [], operatePolicies ? [policyOperator] : [], gateways ? [linker] : [])
var builtIn = [
  roles.arcOnboarding
  roles.reader
]

// A role's name is unique in a tenant, so it has the subscription's id.
resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for role in custom: {
    name: guid(subscription().id, role.Name)
    properties: {
      roleName: '${role.Name} (${subscription().subscriptionId})'
      description: role.Description
      type: 'CustomRole'
      permissions: [
        {
          actions: role.Actions
          notActions: []
        }
      ]
      assignableScopes: [
        subscription().id
      ]
    }
  }
]

resource customAssignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (role, index) in custom: {
    name: guid(subscription().id, principalId, role.Name)
    properties: {
      roleDefinitionId: definitions[index].id
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource builtInAssignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in builtIn: {
    name: guid(subscription().id, principalId, role)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]
